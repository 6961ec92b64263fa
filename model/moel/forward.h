#pragma once
// MoEL. A reply's context is x_1 … x_n, CLS first; K emotions, each with a listener D_e, a decoder layer.
//   H = Encoder(x), q = H_1 (or the mean of H);  g = W_key q
//   y'_i = P √D_w E[y_{i−1}] + timing, y_0 = SOS
//   a = softmax over the top_k largest of g (or all); where the oracle chooses, the gold emotion's listener alone
//   x' = Σ_e a_e D_e(y', H) + D_0(y', H);  O = LN(D_meta(x', H));  logits = W O + b
// g is the classifier and the gate at once: its cross-entropy is over all K. The oracle chooses in steps of training
// alone, by a coin for the whole batch.

#include "model/interface/model.h"
#include "model/moel/listeners.h"

namespace ethreed {

/// Places of the terms in StepLosses.
enum MoelLoss : std::size_t {
  moel_generation,  ///< Σ p*(log p* − log P) over target tokens, with label smoothing
  moel_emotion,     ///< mean −log softmax(g)[emotion]
};

/// What is known of some replies before their first word.
template <class T> struct MoelContext {
  Variable<T> states;  ///< H [positions, d]
  Variable<T> logits;  ///< g [rows, K]
};

/// `words` is E of the batch's different words.
template <class T>
MoelContext<T> read_moel_contexts(Tape<T>& tape, const MoelConfig& config, const MoelParameters<Variable<T>>& p,
                                  Variable<T> words, const ContextRows& contexts);

/// O [target rows, d]: see hear(). `targets` are √D_w E of the words before.
template <class T>
Variable<T> moel_decoder(Tape<T>& tape, const MoelConfig& config, const MoelParameters<Variable<T>>& p,
                         const ListenerChoice& choice, Variable<T> logits, Indices target_offsets, Variable<T> targets,
                         Indices source_offsets, Variable<T> source);

template <class T> struct MoelPass {
  Variable<T> logits;  ///< g by turn row [N, K]
  Variable<T> nll;     ///< of every target [target tokens]
  StepLosses<T> losses;
};

/// Up to the losses. A reply to a post without an emotion has listeners by its logits, whatever the coin says.
template <class T>
MoelPass<T> moel_forward(Tape<T>& tape, const MoelConfig& config, const MoelParameters<Variable<T>>& p,
                         const ContextBatch& batch, const PassOptions& options);

template <class T> MoelPass<T> moel_on_host(const Context& context, MoelPass<T> pass);

}  // namespace ethreed
