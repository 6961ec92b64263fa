#include "model/dialogue_rnn/cell.h"

#include "autograd/functions/attention_function.h"
#include "autograd/functions/attention_pooling_function.h"
#include "autograd/functions/gather_rows_function.h"
#include "autograd/functions/gather_stacked_rows_function.h"
#include "model/blocks/layers.h"

#include <array>

namespace ethreed {

namespace {

/// Those of the dialogues that go on: the longest come first.
template <class T> Variable<T> first_rows(Tape<T>& tape, Variable<T> x, int rows) {
  return x.rows() == rows ? x : tape.rows(x, 0, rows);
}

/// What step k recalls of the global states before it [dialogues of the step, D_g]: `global` by chain row.
template <class T>
Variable<T> recall(Tape<T>& tape, const DialogueRnnBatch& batch, int k, Variable<T> query, Variable<T> weight,
                   Variable<T> global) {
  const Packing chain = batch.dialogues.chain_packing();
  const Indices history = batch.history(k), offsets = batch.history_offsets(k);
  if (!query) {
    const Variable<T> scores = linear(tape, {global}, weight, Variable<T>{});
    return attention_pooling<T>(tape, offsets, gather_rows<T>(tape, {{scores, history}}), global, history).y;
  }
  const int width = global.columns(), dialogues = chain.alive(k);
  // Keys and values are the same numbers, but each has its own gradient.
  const Variable<T> states = gather_rows<T>(tape, {{global, history}, {global, history}});
  const AttentionSettings settings{
      .query_offsets = batch.first(dialogues + 1), .key_offsets = offsets, .key_width = width, .value_width = width};
  return attention<T>(tape, settings, {tape.rows(query, chain.offset(k), dialogues)}, {states}, {states, width}).output;
}

}  // namespace

template <class T>
DialogueRnnStates<T> follow_dialogues(Tape<T>& tape, const DialogueRnnConfig& config,
                                      const DialogueRnnCell<Variable<T>>& cell, const DialogueRnnBatch& batch,
                                      Variable<T> u, const DialogueRnnCellMasks<T>& masks) {
  const Packing chain = batch.dialogues.chain_packing();
  DialogueRnnStates<T> out;
  if (config.attention == GlobalAttention::general) out.query = linear(tape, {u}, cell.attention, Variable<T>{});
  if (config.attention == GlobalAttention::dot) out.query = u;
  const auto stack = [&](Variable<T>& states, Variable<T> next) {
    states = states ? gather_stacked_rows(tape, states, next, batch.first(states.rows() + next.rows())) : next;
  };
  std::array<Variable<T>, 2> party;
  for (Variable<T>& q : party) q = zeros(tape, chain.sequences(), config.party_state);
  Variable<T> before;  // g_{k−1}
  for (int k = 0; k < chain.steps(); ++k) {
    const int dialogues = chain.alive(k);
    const Packing step = batch.step(k);
    const auto mask_of = [&](const T* mask, int width) {
      return mask == nullptr ? nullptr : mask + std::int64_t{chain.offset(k)} * width;
    };
    Variable<T>&speaker = party[k % 2], &other = party[(k + 1) % 2];
    const Variable<T> heard = tape.rows(u, chain.offset(k), dialogues);
    const Variable<T> q = first_rows(tape, speaker, dialogues);
    const Variable<T> g =
        gru_layer(tape, cell.global, step, {heard, q}, before ? first_rows(tape, before, dialogues) : Variable<T>{},
                  mask_of(masks.global, config.global_state));
    const Variable<T> a = k == 0 ? zeros(tape, dialogues, config.global_state)
                                 : recall(tape, batch, k, out.query, cell.attention, out.global);
    speaker = gru_layer(tape, cell.party, step, {heard, a}, q, mask_of(masks.party, config.party_state));
    if (config.has_listener_state()) {
      other = gru_layer(tape, cell.listener, step, {heard, speaker}, first_rows(tape, other, dialogues),
                        mask_of(masks.listener, config.party_state));
      stack(out.listener, other);
    }
    stack(out.global, g);
    stack(out.party, speaker);
    before = g;
  }
  out.emotion = gru_layer(tape, cell.emotion, chain, {out.party}, {}, masks.emotion);
  return out;
}

template DialogueRnnStates<float> follow_dialogues(Tape<float>&, const DialogueRnnConfig&,
                                                   const DialogueRnnCell<Variable<float>>&, const DialogueRnnBatch&,
                                                   Variable<float>, const DialogueRnnCellMasks<float>&);
template DialogueRnnStates<double> follow_dialogues(Tape<double>&, const DialogueRnnConfig&,
                                                    const DialogueRnnCell<Variable<double>>&, const DialogueRnnBatch&,
                                                    Variable<double>, const DialogueRnnCellMasks<double>&);

}  // namespace ethreed
