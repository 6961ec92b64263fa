#include "model/empdg/replies.h"

#include "autograd/functions/log_softmax_function.h"
#include "model/blocks/layers.h"
#include "model/blocks/stacked_rows.h"
#include "model/interface/answered_contexts.h"

#include <numeric>

namespace ethreed {

template <class T>
EmpdgReplies<T>::EmpdgReplies(Tape<T>& tape, const EmpdgConfig& config, const EmpdgParameters<Variable<T>>& parameters,
                              std::vector<ReplyRow> rows, const EmpdgContext<T>& context, ReplyPointer<T> pointer)
    : tape_(&tape),
      config_(&config),
      parameters_(parameters),
      rows_(std::move(rows)),
      context_(context),
      pointer_(std::move(pointer)),
      host_logits_(on_host(tape.context(), context.logits)),
      prefixes_(count_of(rows_)) {
  ETHREED_CHECK(!tape.recording(), "replies: the tape records; make it without recording");
}

template <class T> NextWords<T> EmpdgReplies<T>::advance(Indices parents, Indices words) {
  Tape<T>& tape = *tape_;
  prefixes_.extend(parents, words, config_->vocabulary);
  prefixes_.choose_sources(context_.source_offsets);
  const Indices offsets = prefixes_.offsets();
  inputs_.resize(static_cast<std::size_t>(prefixes_.words().size()));
  std::iota(inputs_.begin(), inputs_.end(), 0);
  for (int k = 0; k < prefixes_.rows().size(); ++k) inputs_[offsets[k]] = count_of(inputs_) + prefixes_.rows()[k];
  const MarkedTable<Variable<T>>& table = parameters_.table;
  const Variable<T> written = scale(tape, embedding<T>(tape, table.words, prefixes_.words()), word_scale(table));
  const Variable<T> said = gather_stacked_rows<T>(tape, written, context_.start, inputs_);
  const Variable<T> source = gather_rows<T>(tape, {{context_.source, prefixes_.source_rows()}});
  const TransformerDecoded<T> decoded =
      transformer_decoder(tape, config_->transformer, parameters_.decoder, offsets, {said}, prefixes_.source_offsets(),
                          source, config_->copy ? AttentionMean::logits : AttentionMean::none);
  const Variable<T> last = gather_rows<T>(tape, {{decoded.states, prefixes_.last()}});
  const Variable<T> logits = linear_layer(tape, parameters_.output, {last});
  if (config_->copy) return mixture(logits, last, decoded.mean);
  return {log_softmax(tape, logits).data(), logits.columns()};
}

// log P of every word, from O of each hypothesis's last word and the mean logits of all its words.
template <class T>
NextWords<T> EmpdgReplies<T>::mixture(Variable<T> logits, Variable<T> states, Variable<T> attention) {
  Tape<T>& tape = *tape_;
  Context& context = tape.context();
  const Indices offsets = prefixes_.offsets(), sources = prefixes_.source_offsets();
  const int hypotheses = prefixes_.rows().size();
  std::int64_t* weights = context.arena.template allocate<std::int64_t>(std::int64_t{hypotheses} + 1);
  std::int32_t* looked = context.arena.template allocate<std::int32_t>(sources.back());
  std::int64_t pair = 0;  // of the first word of a hypothesis
  for (int k = 0; k < hypotheses; ++k) {
    const int width = sources[k + 1] - sources[k], length = offsets[k + 1] - offsets[k];
    weights[k] = sources[k];
    std::iota(looked + sources[k], looked + sources[k + 1],
              static_cast<std::int32_t>(pair + std::int64_t{length - 1} * width));
    pair += std::int64_t{length} * width;
  }
  weights[hypotheses] = sources.back();
  const RowLayout layout{.source_offsets = sources,
                         .target_offsets = all_rows(context, hypotheses + 1),
                         .weight_offsets = {weights, hypotheses + 1}};
  const Variable<T> of_last = gather_rows<T>(tape, {{as_column(tape, attention), Indices(looked, sources.back())}});
  const EmpdgCopy<T> copy = empdg_copy(tape, parameters_, layout, states, of_last);
  return pointer_.next_words(context, prefixes_.rows(), logits.data(), copy.gate.data(), copy.weights.data());
}

template <class T>
EmpdgReplies<T> empdg_replies(Tape<T>& tape, const EmpdgConfig& config, const EmpdgParameters<Variable<T>>& parameters,
                              const EmpdgBatch& batch, const ReplyOptions& options) {
  ETHREED_CHECK(!options.plans(), "model 'empdg' plans no emotion of its replies: it cannot be set");
  AnsweredContexts answered = answered_contexts(batch.replies, options.answer);
  const ContextRows& contexts = answered.contexts;
  const EmotionContexts emotion =
      read_emotion_words(tape, config, parameters, batch.replies.dialogues.word_ids, contexts);
  const EmpdgContext<T> read = read_empdg_contexts(
      tape, config, parameters, read_words(tape, parameters.table, batch.replies), contexts, emotion);
  ReplyPointer<T> pointer = config.copy
                                ? ReplyPointer<T>(pointer_sources(batch.replies.dialogues.word_ids, contexts, emotion),
                                                  config.vocabulary, options.look)
                                : ReplyPointer<T>();
  return EmpdgReplies<T>(tape, config, parameters, std::move(answered.rows), read, std::move(pointer));
}

#define ETHREED_INSTANTIATE(T)                                                                              \
  template class EmpdgReplies<T>;                                                                           \
  template EmpdgReplies<T> empdg_replies(Tape<T>&, const EmpdgConfig&, const EmpdgParameters<Variable<T>>&, \
                                         const EmpdgBatch&, const ReplyOptions&);
ETHREED_INSTANTIATE(float)
ETHREED_INSTANTIATE(double)
#undef ETHREED_INSTANTIATE

}  // namespace ethreed
