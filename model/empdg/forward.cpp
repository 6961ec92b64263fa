#include "model/empdg/forward.h"

#include "autograd/functions/copy_loss_function.h"
#include "autograd/functions/softmax_cross_entropy_function.h"
#include "model/blocks/layers.h"
#include "model/interface/loss_terms.h"

namespace ethreed {

template <class T>
EmotionContexts read_emotion_words(Tape<T>& tape, const EmpdgConfig& config, const EmpdgParameters<Variable<T>>& p,
                                   Indices word_ids, const ContextRows& contexts) {
  const EmotionContexts emotion =
      emotion_contexts(tape.context(), config, View<const T>(p.plain.value()), word_ids, contexts);
  // One upload. A session of replies, whose tape does not record, takes its arena back after every word: nothing in it
  // may count as staged.
  if (!tape.recording()) return emotion;
  const auto bytes = [](Indices list) { return std::as_bytes(std::span<const std::int32_t>(list)); };
  const std::array arrays{bytes(emotion.offsets), bytes(emotion.words), bytes(emotion.source_offsets),
                          bytes(emotion.source_rows)};
  tape.context().stage(arrays);
  return emotion;
}

template <class T>
EmpdgContext<T> read_empdg_contexts(Tape<T>& tape, const EmpdgConfig& config, const EmpdgParameters<Variable<T>>& p,
                                    Variable<T> words, const ContextRows& contexts, const EmotionContexts& emotion) {
  const Range range(tape, "encoders");
  const Variable<T> of_context = transformer_encoder(tape, config.transformer, p.context, contexts.offsets,
                                                     {read_contexts(tape, p.table, words, contexts)});
  const Variable<T> read =
      scale(tape, gather_stacked_rows<T>(tape, words, p.label_mark, emotion.words), word_scale(p.table));
  const Variable<T> of_emotion = transformer_encoder(tape, config.transformer, p.emotion, emotion.offsets, {read});
  EmpdgContext<T> out{.source_offsets = emotion.source_offsets, .emotion_words = emotion.positions() - contexts.rows()};
  out.source = gather_stacked_rows<T>(tape, of_context, of_emotion, emotion.source_rows);
  const Variable<T> first = gather_rows<T>(tape, {{of_emotion, emotion.firsts()}, {of_context, contexts.firsts()}});
  out.logits = linear(tape, {first}, p.classifier, Variable<T>{});
  out.start = linear_layer(tape, p.start, {out.logits});
  return out;
}

namespace {

template <class T>
VocabularyLoss<T> loss_of(Tape<T>& tape, const EmpdgConfig& config, const EmpdgParameters<Variable<T>>& p,
                          const ContextBatch& replies, const EmotionContexts& emotion,
                          const TransformerDecoded<T>& decoded) {
  if (!config.copy) return target_loss(tape, p.output, decoded.states, replies, config.label_smoothing);
  const DialogueBatch& d = replies.dialogues;
  const CopySources sources = copy_sources(tape.context(), d.word_ids, replies.contexts, emotion, d.target_offsets);
  const EmpdgCopy<T> copy = empdg_copy(tape, p, sources.layout, decoded.states, decoded.mean);
  return copy_loss<T>(tape, sources.layout, linear_layer(tape, p.output, {decoded.states}), copy.gate, copy.weights,
                      sources.words, replies.extended_targets,
                      {.smoothing = config.label_smoothing, .excluded = pad_id});
}

}  // namespace

template <class T>
EmpdgPass<T> empdg_forward(Tape<T>& tape, const EmpdgConfig& config, const EmpdgParameters<Variable<T>>& p,
                           const EmpdgBatch& batch, const PassOptions&) {
  const ContextBatch& replies = batch.replies;
  const DialogueBatch& d = replies.dialogues;
  const EmotionContexts emotion = read_emotion_words(tape, config, p, d.word_ids, replies.contexts);
  const Variable<T> words = read_words(tape, p.table, replies);
  const EmpdgContext<T> read = read_empdg_contexts(tape, config, p, words, replies.contexts, emotion);
  EmpdgPass<T> pass{.logits = gather_rows<T>(tape, {{read.logits, d.row_of_turn}}),
                    .emotion_words = read.emotion_words};
  const Range range(tape, "decoder and losses");
  const Variable<T> said =
      gather_stacked_rows<T>(tape, scale(tape, words, word_scale(p.table)), read.start, batch.inputs);
  const TransformerDecoded<T> decoded =
      transformer_decoder(tape, config.transformer, p.decoder, d.target_offsets, {said}, read.source_offsets,
                          read.source, config.copy ? AttentionMean::logits : AttentionMean::none);
  const VocabularyLoss<T> loss = loss_of(tape, config, p, replies, emotion, decoded);
  pass.nll = loss.nll;
  LossTerms<T> terms;
  terms.add(empdg_generation, loss.loss, 1.0, 1.0);
  if (d.emotion_labels > 0)
    terms.add(empdg_emotion, softmax_cross_entropy<T>(tape, pass.logits, d.emotion),
              config.emotion_loss == EmpdgEmotionLoss::sum ? 1.0 : 1.0 / d.emotion_labels, 1.0);
  pass.losses = terms.sum(tape);
  return pass;
}

template <class T> EmpdgPass<T> empdg_on_host(const Context& context, EmpdgPass<T> pass) {
  pass.logits = on_host(context, pass.logits);
  pass.nll = on_host(context, pass.nll);
  return pass;
}

#define ETHREED_INSTANTIATE(T)                                                                                    \
  template EmotionContexts read_emotion_words(Tape<T>&, const EmpdgConfig&, const EmpdgParameters<Variable<T>>&,  \
                                              Indices, const ContextRows&);                                       \
  template EmpdgContext<T> read_empdg_contexts(Tape<T>&, const EmpdgConfig&, const EmpdgParameters<Variable<T>>&, \
                                               Variable<T>, const ContextRows&, const EmotionContexts&);          \
  template EmpdgPass<T> empdg_forward(Tape<T>&, const EmpdgConfig&, const EmpdgParameters<Variable<T>>&,          \
                                      const EmpdgBatch&, const PassOptions&);                                     \
  template EmpdgPass<T> empdg_on_host(const Context&, EmpdgPass<T>);
ETHREED_INSTANTIATE(float)
ETHREED_INSTANTIATE(double)
#undef ETHREED_INSTANTIATE

}  // namespace ethreed
