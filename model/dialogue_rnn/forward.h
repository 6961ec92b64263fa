#pragma once
// DialogueRNN from words to labels: encoder, cell, head, losses.

#include "model/dialogue_rnn/cell.h"
#include "model/interface/model.h"

namespace ethreed {

/// Places of the terms in StepLosses.
enum DialogueRnnLoss : std::size_t {
  dialogue_rnn_speaker,   ///< mean −log p(emotion | P_t) over the turns with a label
  dialogue_rnn_listener,  ///< the same of R_t, with listener_labels
};

/// Multipliers of dropout, null without.
template <class T> struct DialogueRnnMasks {
  DialogueRnnCellMasks<T> cell, reverse;
  const T* head = nullptr;    ///< [2N, D_e of all directions], P by turn row, then R
  const T* hidden = nullptr;  ///< [2N, D_h of all directions]
};

template <class T>
DialogueRnnMasks<T> draw_masks(Context& context, const DialogueRnnConfig& config, const DialogueRnnBatch& batch,
                               const PassOptions& options);

template <class T> struct DialogueRnnPass {
  DialogueRnnStates<T> states;
  DialogueRnnStates<T> reverse;  ///< of the dialogues from their ends, by chain row of the reversed ones
  Variable<T> speaker_logits;    ///< of P_t by turn row [N, K]
  Variable<T> listener_logits;   ///< of R_t [N, K]
  Variable<T> nll;               ///< −log p(emotion | P_t) by turn row, 0 without a label [N]
  StepLosses<T> losses;
};

/// u of every utterance by chain row [2N, D_m]: [→h_len ; ←h_1].
template <class T>
Variable<T> read_utterances(Tape<T>& tape, const DialogueRnnParameters<Variable<T>>& parameters,
                            const DialogueBatch& batch);

/// States and logits from u; losses are unset.
///   ĥ = relu(W_h d'(e) + b_h), logits = W_o d''(ĥ) + b_o
/// with e = [→e ; ←e] in both directions, or Σ_j β_j e_j, β = softmax_j e_jᵀ(W_β e + b_β) over all of the dialogue.
template <class T>
DialogueRnnPass<T> label_utterances(Tape<T>& tape, const DialogueRnnConfig& config,
                                    const DialogueRnnParameters<Variable<T>>& parameters, const DialogueRnnBatch& batch,
                                    Variable<T> u, const DialogueRnnMasks<T>& masks);

/// Adds the losses to a pass with logits.
template <class T>
void add_losses(Tape<T>& tape, const DialogueRnnConfig& config, const DialogueBatch& batch, DialogueRnnPass<T>& pass);

}  // namespace ethreed
