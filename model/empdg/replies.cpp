#include "model/empdg/replies.h"

#include "autograd/functions/log_softmax_function.h"
#include "model/blocks/layers.h"
#include "model/interface/answered_contexts.h"

#include <numeric>

namespace ethreed {

template <class T>
EmpdgReplies<T>::EmpdgReplies(Tape<T>& tape, const EmpdgConfig& config, const EmpdgParameters<Variable<T>>& parameters,
                              std::vector<ReplyRow> rows, const EmpdgContext<T>& context)
    : tape_(&tape),
      sizes_(config.transformer),
      parameters_(parameters),
      rows_(std::move(rows)),
      context_(context),
      host_logits_(on_host(tape.context(), context.logits)),
      prefixes_(count_of(rows_)) {
  ETHREED_CHECK(!tape.recording(), "replies: the tape records; make it without recording");
}

template <class T> NextWords<T> EmpdgReplies<T>::advance(Indices parents, Indices words) {
  Tape<T>& tape = *tape_;
  prefixes_.extend(parents, words);
  prefixes_.choose_sources(context_.source_offsets);
  const Indices offsets = prefixes_.offsets();
  inputs_.resize(static_cast<std::size_t>(prefixes_.words().size()));
  std::iota(inputs_.begin(), inputs_.end(), 0);
  for (int k = 0; k < prefixes_.rows().size(); ++k) inputs_[offsets[k]] = count_of(inputs_) + prefixes_.rows()[k];
  const MarkedTable<Variable<T>>& table = parameters_.table;
  const Variable<T> written = scale(tape, embedding<T>(tape, table.words, prefixes_.words()), word_scale(table));
  const Variable<T> said = gather_stacked_rows<T>(tape, written, context_.start, inputs_);
  const Variable<T> source = gather_rows<T>(tape, {{context_.source, prefixes_.source_rows()}});
  const Variable<T> states =
      transformer_decoder(tape, sizes_, parameters_.decoder, offsets, {said}, prefixes_.source_offsets(), source)
          .states;
  const Variable<T> last = gather_rows<T>(tape, {{states, prefixes_.last()}});
  const Variable<T> logits = linear_layer(tape, parameters_.output, {last});
  return {log_softmax(tape, logits).data(), logits.columns()};
}

template <class T>
EmpdgReplies<T> empdg_replies(Tape<T>& tape, const EmpdgConfig& config, const EmpdgParameters<Variable<T>>& parameters,
                              const EmpdgBatch& batch, const ReplyOptions& options) {
  ETHREED_CHECK(options.planned_class < 0, "model 'empdg' plans no emotion of its replies: it cannot be set");
  AnsweredContexts answered = answered_contexts(batch.replies, options.answer);
  const ContextRows& contexts = answered.contexts;
  const EmotionContexts emotion =
      read_emotion_words(tape, config, parameters, batch.replies.dialogues.word_ids, contexts);
  const EmpdgContext<T> read = read_empdg_contexts(
      tape, config, parameters, read_words(tape, parameters.table, batch.replies), contexts, emotion);
  return EmpdgReplies<T>(tape, config, parameters, std::move(answered.rows), read);
}

template <class T>
EmpdgReplies<T> EmpdgConversation<T>::read(Tape<T>& tape, const EmpdgConfig& config,
                                           const EmpdgParameters<Variable<T>>& parameters, Indices reply, Indices post,
                                           std::int64_t place, const ReplyOptions& options) {
  said_.add(reply, post);
  const Example example = said_.example(place);
  batch_.build({&example, 1}, config.vocabulary, config.max_context);
  tape.context().stage(batch_.arrays());
  ReplyOptions last = options;
  last.answer = Answer::last_turn;
  return empdg_replies(tape, config, parameters, batch_, last);
}

#define ETHREED_INSTANTIATE(T)                                                                              \
  template class EmpdgReplies<T>;                                                                           \
  template class EmpdgConversation<T>;                                                                      \
  template EmpdgReplies<T> empdg_replies(Tape<T>&, const EmpdgConfig&, const EmpdgParameters<Variable<T>>&, \
                                         const EmpdgBatch&, const ReplyOptions&);
ETHREED_INSTANTIATE(float)
ETHREED_INSTANTIATE(double)
#undef ETHREED_INSTANTIATE

}  // namespace ethreed
