#include "model/dialogue_rnn/forward.h"

#include "autograd/functions/attention_function.h"
#include "autograd/functions/elementwise_function.h"
#include "autograd/functions/embedding_function.h"
#include "autograd/functions/gather_rows_function.h"
#include "autograd/functions/softmax_cross_entropy_function.h"
#include "model/blocks/dropout.h"
#include "model/blocks/layers.h"
#include "model/interface/loss_terms.h"

#include <algorithm>

namespace ethreed {

template <class T>
DialogueRnnMasks<T> draw_masks(Context& context, const DialogueRnnConfig& config, const DialogueRnnBatch& batch,
                               const PassOptions& options) {
  DialogueRnnMasks<T> masks;
  if (options.purpose != Purpose::train) return masks;
  const int rows = 2 * batch.dialogues.turns();
  StepDropout<T> states(context, config.dropout, options.seed, options.step);
  const auto of_cell = [&](int first) {
    DialogueRnnCellMasks<T> cell;
    cell.global = states.mask(first, rows, config.global_state);
    cell.party = states.mask(first + 1, rows, config.party_state);
    if (config.has_listener_state()) cell.listener = states.mask(first + 2, rows, config.party_state);
    cell.emotion = states.mask(first + 3, rows, config.emotion_state);
    return cell;
  };
  masks.cell = of_cell(0);
  if (config.is_bidirectional()) masks.reverse = of_cell(6);
  states.draw();
  StepDropout<T> head(context, config.dropout_head, options.seed, options.step);
  masks.head = head.mask(4, rows, config.directions() * config.emotion_state);
  masks.hidden = head.mask(5, rows, config.directions() * config.hidden);
  head.draw();
  return masks;
}

template <class T>
Variable<T> read_utterances(Tape<T>& tape, const DialogueRnnParameters<Variable<T>>& parameters,
                            const DialogueBatch& batch) {
  const Range range(tape, "utterance encoder");
  const Variable<T> words = embedding<T>(tape, parameters.embedding, batch.word_ids);
  const auto [forward, reverse] = bidirectional_gru_layer(tape, parameters.encoder_forward, parameters.encoder_reverse,
                                                          batch.encoder_packing(), words, batch.encoder_inputs);
  return gather_rows<T>(tape, {{forward, batch.summary_last}, {reverse, batch.summary_first}});
}

namespace {

/// What the head reads, P by turn row, then R.
template <class T>
Variable<T> emotions(Tape<T>& tape, const DialogueRnnConfig& config,
                     const DialogueRnnParameters<Variable<T>>& parameters, const DialogueRnnBatch& batch,
                     const DialogueRnnPass<T>& pass) {
  const Variable<T> forward = pass.states.emotion, reverse = pass.reverse.emotion;
  if (!config.is_bidirectional()) return gather_rows<T>(tape, {{forward, batch.dialogues.both_chain}});
  if (!config.has_emotion_attention())
    return gather_rows<T>(tape, {{forward, batch.dialogues.both_chain}, {reverse, batch.both_reversed}});
  const Variable<T> e = gather_rows<T>(tape, {{forward, batch.in_dialogues}, {reverse, batch.in_reverse}});
  const Indices all = batch.first(e.rows());
  const Variable<T> states = gather_rows<T>(tape, {{e, all}, {e, all}});  // keys and values, each with its gradient
  const AttentionSettings settings{.query_offsets = batch.dialogue_offsets,
                                   .key_offsets = batch.dialogue_offsets,
                                   .key_width = e.columns(),
                                   .value_width = e.columns()};
  const Variable<T> query = linear_layer(tape, parameters.emotion_attention, {e});
  const Variable<T> attended = attention<T>(tape, settings, {query}, {states}, {states, e.columns()}).output;
  return gather_rows<T>(tape, {{attended, batch.both_in_dialogues}});
}

}  // namespace

template <class T>
DialogueRnnPass<T> label_utterances(Tape<T>& tape, const DialogueRnnConfig& config,
                                    const DialogueRnnParameters<Variable<T>>& parameters, const DialogueRnnBatch& batch,
                                    Variable<T> u, const DialogueRnnMasks<T>& masks) {
  DialogueRnnPass<T> pass;
  {
    const Range range(tape, "emotion tracker");
    pass.states = follow_dialogues(tape, config, parameters.cell, batch, u, masks.cell);
    if (config.is_bidirectional())
      pass.reverse = follow_dialogues(tape, config, parameters.reverse_cell, batch,
                                      gather_rows<T>(tape, {{u, batch.reversed}}), masks.reverse);
  }
  const Range range(tape, "classifier");
  const Variable<T> e = emotions(tape, config, parameters, batch, pass);
  const Variable<T> hidden = relu(tape, linear_layer(tape, parameters.hidden, {masked(tape, e, masks.head)}));
  const Variable<T> logits = linear_layer(tape, parameters.output, {masked(tape, hidden, masks.hidden)});
  const int turns = batch.dialogues.turns();
  pass.speaker_logits = tape.rows(logits, 0, turns);
  pass.listener_logits = tape.rows(logits, turns, turns);
  return pass;
}

template <class T>
void add_losses(Tape<T>& tape, const DialogueRnnConfig& config, const DialogueBatch& batch, DialogueRnnPass<T>& pass) {
  const bool listener = config.listener_labels && batch.listener_labels > 0;
  pass.nll = softmax_cross_entropy<T>(tape, pass.speaker_logits, batch.emotion);
  LossTerms<T> terms;
  // Of a batch without any label there has to be a loss: 0.
  if (batch.emotion_labels > 0 || !listener)
    terms.add(dialogue_rnn_speaker, pass.nll, 1.0 / std::max(1, batch.emotion_labels), 1.0);
  if (listener)
    terms.add(dialogue_rnn_listener, softmax_cross_entropy<T>(tape, pass.listener_logits, batch.listener_label),
              1.0 / batch.listener_labels, 1.0);
  pass.losses = terms.sum(tape);
}

#define ETHREED_INSTANTIATE(T)                                                                                     \
  template DialogueRnnMasks<T> draw_masks(Context&, const DialogueRnnConfig&, const DialogueRnnBatch&,             \
                                          const PassOptions&);                                                     \
  template Variable<T> read_utterances(Tape<T>&, const DialogueRnnParameters<Variable<T>>&, const DialogueBatch&); \
  template DialogueRnnPass<T> label_utterances(Tape<T>&, const DialogueRnnConfig&,                                 \
                                               const DialogueRnnParameters<Variable<T>>&, const DialogueRnnBatch&, \
                                               Variable<T>, const DialogueRnnMasks<T>&);                           \
  template void add_losses(Tape<T>&, const DialogueRnnConfig&, const DialogueBatch&, DialogueRnnPass<T>&);
ETHREED_INSTANTIATE(float)
ETHREED_INSTANTIATE(double)
#undef ETHREED_INSTANTIATE

}  // namespace ethreed
