#include "model/moel/forward.h"

#include "autograd/functions/attention_pooling_function.h"
#include "autograd/functions/softmax_cross_entropy_function.h"
#include "model/blocks/layers.h"
#include "model/interface/loss_terms.h"

namespace ethreed {

template <class T>
MoelContext<T> read_moel_contexts(Tape<T>& tape, const MoelConfig& config, const MoelParameters<Variable<T>>& p,
                                  Variable<T> words, const ContextRows& contexts) {
  const Range range(tape, "context encoder");
  MoelContext<T> out;
  out.states = transformer_encoder(tape, config.transformer, p.context, contexts.offsets,
                                   {read_contexts(tape, p.table, words, contexts)});
  const Variable<T> query = config.query == ContextQuery::mean
                                ? attention_pooling<T>(tape, contexts.offsets, {}, out.states).y
                                : gather_rows<T>(tape, {{out.states, contexts.firsts()}});
  out.logits = linear(tape, {query}, p.keys, Variable<T>{});
  return out;
}

template <class T>
Variable<T> moel_decoder(Tape<T>& tape, const MoelConfig& config, const MoelParameters<Variable<T>>& p,
                         const ListenerChoice& choice, Variable<T> logits, Indices target_offsets, Variable<T> targets,
                         Indices source_offsets, Variable<T> source) {
  const Variable<T> x = transformer_input(tape, config.transformer, p.projection, target_offsets, {targets});
  Variable<T> rows = hear(tape, config, p, choice, logits, target_offsets, x, source_offsets, source);
  for (int l = 0; l < config.transformer.layers; ++l)
    rows = transformer_decoder_layer(tape, config.transformer, p.meta_listener[static_cast<std::size_t>(l)],
                                     target_offsets, rows, source_offsets, source)
               .states;
  return transformer_norm(tape, p.norm, rows);
}

namespace {

/// By decoder row, −1 where nobody has labelled the post.
Indices gold_emotions(const Context& context, const DialogueBatch& batch) {
  std::int32_t* gold = context.arena.allocate<std::int32_t>(batch.turns());
  for (int r = 0; r < batch.turns(); ++r) gold[r] = batch.emotion[batch.turn_of_row[r]];
  return {gold, batch.turns()};
}

}  // namespace

template <class T>
MoelPass<T> moel_forward(Tape<T>& tape, const MoelConfig& config, const MoelParameters<Variable<T>>& p,
                         const ContextBatch& batch, const PassOptions& options) {
  const Context& context = tape.context();
  const DialogueBatch& d = batch.dialogues;
  const Variable<T> words = read_words(tape, p.table, batch);
  const MoelContext<T> read = read_moel_contexts(tape, config, p, words, batch.contexts);
  MoelPass<T> pass{.logits = gather_rows<T>(tape, {{read.logits, d.row_of_turn}})};
  const bool oracle = options.purpose == Purpose::train && oracle_step(config, options.seed, options.step);
  const ListenerChoice choice =
      choose_listeners(context, config, read.logits, oracle ? gold_emotions(context, d) : Indices());

  const Range range(tape, "decoder and losses");
  const Variable<T> states =
      moel_decoder(tape, config, p, choice, read.logits, d.target_offsets, read_targets(tape, p.table, words, batch),
                   batch.contexts.offsets, read.states);
  const VocabularyLoss<T> decoded = target_loss(tape, p.output, states, batch, config.label_smoothing);
  pass.nll = decoded.nll;
  LossTerms<T> terms;
  terms.add(moel_generation, decoded.loss, 1.0, 1.0);
  if (d.emotion_labels > 0)
    terms.add(moel_emotion, softmax_cross_entropy<T>(tape, pass.logits, d.emotion), 1.0 / d.emotion_labels, 1.0);
  pass.losses = terms.sum(tape);
  return pass;
}

template <class T> MoelPass<T> moel_on_host(const Context& context, MoelPass<T> pass) {
  pass.logits = on_host(context, pass.logits);
  pass.nll = on_host(context, pass.nll);
  return pass;
}

#define ETHREED_INSTANTIATE(T)                                                                                       \
  template MoelContext<T> read_moel_contexts(Tape<T>&, const MoelConfig&, const MoelParameters<Variable<T>>&,        \
                                             Variable<T>, const ContextRows&);                                       \
  template Variable<T> moel_decoder(Tape<T>&, const MoelConfig&, const MoelParameters<Variable<T>>&,                 \
                                    const ListenerChoice&, Variable<T>, Indices, Variable<T>, Indices, Variable<T>); \
  template MoelPass<T> moel_forward(Tape<T>&, const MoelConfig&, const MoelParameters<Variable<T>>&,                 \
                                    const ContextBatch&, const PassOptions&);                                        \
  template MoelPass<T> moel_on_host(const Context&, MoelPass<T>);
ETHREED_INSTANTIATE(float)
ETHREED_INSTANTIATE(double)
#undef ETHREED_INSTANTIATE

}  // namespace ethreed
