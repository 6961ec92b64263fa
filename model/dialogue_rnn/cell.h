#pragma once
// DialogueRNN's cell: global state, party states and emotion state from utterance to utterance.

#include "model/dialogue_rnn/batch.h"
#include "model/dialogue_rnn/parameters.h"

namespace ethreed {

/// Multipliers of dropout [2N, ·] by chain row, null without.
template <class T> struct DialogueRnnCellMasks {
  const T* global = nullptr;
  const T* party = nullptr;
  const T* listener = nullptr;
  const T* emotion = nullptr;
};

/// States after every utterance, by chain row.
template <class T> struct DialogueRnnStates {
  Variable<T> query;     ///< W_α u [2N, D_g], or u; unset with GlobalAttention::simple
  Variable<T> global;    ///< g [2N, D_g]
  Variable<T> party;     ///< q of the party that speaks [2N, D_p]
  Variable<T> listener;  ///< q of the other one [2N, D_p]; only with listener_state
  Variable<T> emotion;   ///< e [2N, D_e]
};

/// For the utterances k = 1 … 2T of every dialogue, s(k) the party that speaks and l the other one:
///   g_k = GRU_g([u_k ; q_{s(k)}], g_{k−1})
///   a_k = Σ_{k' < k} α_k' g_k',  α = softmax_{k' < k} of what GlobalAttention says;  a_1 = 0
///   q_{s(k)} ← GRU_p([u_k ; a_k], q_{s(k)})
///   q_l ← GRU_l([u_k ; q_{s(k)}], q_l) with listener_state, else it stays
///   e_k = GRU_e(q_{s(k)}, e_{k−1})
/// with dropout of every new state, which is carried on. The two parties take turns and start alike, so that it does
/// not matter whose turn is first. `u` is [2N, D_m] by chain row.
template <class T>
DialogueRnnStates<T> follow_dialogues(Tape<T>& tape, const DialogueRnnConfig& config,
                                      const DialogueRnnCell<Variable<T>>& cell, const DialogueRnnBatch& batch,
                                      Variable<T> u, const DialogueRnnCellMasks<T>& masks);

}  // namespace ethreed
