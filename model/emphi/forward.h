#pragma once
// EmpHi from words to losses. X of a turn is P_1, R_1, …, P_t with a separator between utterances.
//   h_j = (→h_j + ←h_j)/2 of layer 2 of a BiGRU over X;  s^(l) = (→h_J + ←h_1)/2 of layer l
//   p_e = softmax(W_e2 relu(W_e1 s^(2) + b_e1));  p_z likewise: what the reply shall do, without having seen it
//   ē = Σ_k p_e(k) A_k;  v = B_z of one intent z
// and the decoder of decoder.h for every reply. In training z is the intent of the reply; where it has none, the
// likeliest of p_z, through which no gradient goes. Where the replies' intents are distributions q, z is the likeliest
// of q.
//   L = L_generation + w_z L_intent + w_e L_emotion + w_c L_copy

#include "model/emphi/decoder.h"
#include "model/interface/model.h"

#include <cstdint>
#include <vector>

namespace ethreed {

/// Places of the terms in StepLosses.
enum EmphiLoss : std::size_t {
  emphi_generation,  ///< mean −log P over the target tokens
  emphi_intent,      ///< mean KL(q ‖ p_z) over the replies that have an intent; −log p_z(intent) where q is certain
  emphi_emotion,     ///< mean −log p_e(emotion) over the turns that have one
  emphi_copy,        ///< mean over the target tokens of these replies of how badly τ tells keywords from other words
};

/// What was said before every reply. By turn row but where it says so.
template <class T> struct EmphiContext {
  Variable<T> words;                   ///< E of batch.word_ids [different words, D]
  Variable<T> states;                  ///< h [context rows, D]
  std::array<Variable<T>, 2> summary;  ///< s^(1), s^(2) [N, D]
  Variable<T> emotion_logits;          ///< [N, K_e]
  Variable<T> intent_logits;           ///< [N, 9]
  Variable<T> emotion;                 ///< ē [N, D]; absent without the implicit intent
};

template <class T>
EmphiContext<T> read_context(Tape<T>& tape, const EmphiConfig& config, const EmphiParameters<Variable<T>>& parameters,
                             const EmphiBatch& batch);

/// The likeliest intent of a row of logits; and one drawn by them for the turn at this place of its split, by the
/// largest logit + Gumbel noise.
template <class T> int likeliest_intent(std::span<const T> logits);
template <class T> int drawn_intent(std::span<const T> logits, std::uint64_t seed, std::int64_t place);

/// What the decoder reads of every decoder row, if the reply to turn row i is written by intents[i].
template <class T>
EmphiMemory<T> decoder_memory(Tape<T>& tape, const EmphiConfig& config, const EmphiParameters<Variable<T>>& parameters,
                              const EmphiBatch& batch, const EmphiContext<T>& read, Indices intents);

template <class T> struct EmphiPass {
  Variable<T> emotion_logits, intent_logits;  ///< [N, ·] by turn row
  Variable<T> log_probability;                ///< of every target by the intent of the reply [target tokens, 1]
  StepLosses<T> losses;
  // in validation
  std::vector<std::vector<double>> by_intent;  ///< log P of every target by each intent [9][target tokens]
  std::vector<int> reply_intent;               ///< by which a reply is written that is not known yet [N] by turn row
};

template <class T>
EmphiPass<T> emphi_forward(Tape<T>& tape, const EmphiConfig& config, const EmphiParameters<Variable<T>>& parameters,
                           const EmphiBatch& batch, const PassOptions& options);

}  // namespace ethreed
