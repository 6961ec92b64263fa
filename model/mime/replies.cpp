#include "model/mime/replies.h"

#include "autograd/functions/log_softmax_function.h"
#include "model/blocks/layers.h"
#include "model/interface/answered_contexts.h"
#include "model/mime/noise.h"

namespace ethreed {

template <class T>
MimeReplies<T>::MimeReplies(Tape<T>& tape, const MimeConfig& config, const MimeParameters<Variable<T>>& parameters,
                            std::vector<ReplyRow> rows, Variable<T> source, std::vector<std::int32_t> source_offsets,
                            Variable<T> logits)
    : tape_(&tape),
      sizes_(config.transformer),
      parameters_(parameters),
      rows_(std::move(rows)),
      source_(source),
      source_offsets_(std::move(source_offsets)),
      logits_(on_host(tape.context(), logits)),
      prefixes_(count_of(rows_)) {
  ETHREED_CHECK(!tape.recording(), "replies: the tape records; make it without recording");
}

template <class T> NextWords<T> MimeReplies<T>::advance(Indices parents, Indices words) {
  Tape<T>& tape = *tape_;
  prefixes_.extend(parents, words, parameters_.output.weight.rows());
  prefixes_.choose_sources(source_offsets_);
  const MarkedTable<Variable<T>>& table = parameters_.table;
  const Variable<T> said = scale(tape, embedding<T>(tape, table.words, prefixes_.words()), word_scale(table));
  const Variable<T> source = gather_rows<T>(tape, {{source_, prefixes_.source_rows()}});
  const Variable<T> states = transformer_decoder(tape, sizes_, parameters_.decoder, prefixes_.offsets(), {said},
                                                 prefixes_.source_offsets(), source)
                                 .states;
  const Variable<T> last = gather_rows<T>(tape, {{states, prefixes_.last()}});
  const Variable<T> logits = linear_layer(tape, parameters_.output, {last});
  return {log_softmax(tape, logits).data(), logits.columns()};
}

template <class T>
MimeReplies<T> mime_replies(Tape<T>& tape, const MimeConfig& config, const MimeParameters<Variable<T>>& parameters,
                            const ContextBatch& batch, const ReplyOptions& options) {
  ETHREED_CHECK(!options.plans(), "model 'mime' plans no emotion of its replies: it cannot be set");
  Context& context = tape.context();
  AnsweredContexts answered = answered_contexts(batch, options.answer);
  ContextRows& contexts = answered.contexts;
  const MimeContext<T> read =
      read_mime_contexts(tape, config, parameters, read_words(tape, parameters.table, batch), contexts);
  const BothGroups<const T*> noise =
      options.sample_latent ? prior_noise<T>(context, config, batch.dialogues, answered.decoder_rows, options)
                            : BothGroups<const T*>{};
  const BothGroups<Variable<T>> emotions =
      group_emotions(tape, config, parameters, mime_prior(tape, config, parameters, read.first), noise);
  const Mimicry<T> mimicry =
      mimic(tape, config, parameters, contexts, read.states, emotions, predicted_groups(context, config, read.logits));
  return MimeReplies<T>(tape, config, parameters, std::move(answered.rows), fuse(tape, parameters, mimicry),
                        std::move(contexts.offsets), read.logits);
}

#define ETHREED_INSTANTIATE(T)                                                                          \
  template class MimeReplies<T>;                                                                        \
  template MimeReplies<T> mime_replies(Tape<T>&, const MimeConfig&, const MimeParameters<Variable<T>>&, \
                                       const ContextBatch&, const ReplyOptions&);
ETHREED_INSTANTIATE(float)
ETHREED_INSTANTIATE(double)
#undef ETHREED_INSTANTIATE

}  // namespace ethreed
