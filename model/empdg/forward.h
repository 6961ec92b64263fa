#pragma once
// EmpDG's generator. A reply's context is x_1 … x_n, CLS first; w_1 … w_m are the emotion words of it, in order.
//   C_u = Encoder_u(√D_w (E[x] + E[state])),  C_e = Encoder_e(√D_w E[LAB, w_1 … w_m])
//   g = W [C_e[0] ; C_u[0]]
//   y'_1 = W_s g + b_s,  y'_i = √D_w E[y_{i−1}]
//   O = Decoder(y', [C_u ; C_e]);  logits = W_o O + b, from which words may be copied besides (copying.h)
// What the decoder reads first stands in place of SOS and is not scaled. The reply's loss reaches the classifier
// through it.

#include "model/empdg/batch.h"
#include "model/empdg/copying.h"
#include "model/empdg/emotion_words.h"
#include "model/empdg/parameters.h"
#include "model/interface/model.h"

namespace ethreed {

/// Places of the terms in StepLosses.
enum EmpdgLoss : std::size_t {
  empdg_generation,  ///< Σ p*(log p* − log P) over target tokens, with label smoothing
  empdg_emotion,     ///< −log softmax(g)[emotion], the sum over replies or their mean
};

/// What is known of some replies before their first word.
template <class T> struct EmpdgContext {
  Variable<T> source;              ///< [C_u ; C_e] [source_offsets.back(), d], context by context
  Indices source_offsets;          ///< [rows + 1]
  Variable<T> logits;              ///< g [rows, K]
  Variable<T> start;               ///< W_s g + b_s [rows, D_w]
  std::int64_t emotion_words = 0;  ///< of all contexts, LAB left out
};

/// The emotion words of these contexts, of a batch whose different words are word_ids: see emotion_contexts. First of
/// all in a step, as it waits for the device.
template <class T>
EmotionContexts read_emotion_words(Tape<T>& tape, const EmpdgConfig& config, const EmpdgParameters<Variable<T>>& p,
                                   Indices word_ids, const ContextRows& contexts);

/// `words` is E of the batch's different words.
template <class T>
EmpdgContext<T> read_empdg_contexts(Tape<T>& tape, const EmpdgConfig& config, const EmpdgParameters<Variable<T>>& p,
                                    Variable<T> words, const ContextRows& contexts, const EmotionContexts& emotion);

template <class T> struct EmpdgPass {
  Variable<T> logits;              ///< g by turn row [N, K]
  Variable<T> nll;                 ///< of every target [target tokens]
  std::int64_t emotion_words = 0;  ///< of all contexts
  StepLosses<T> losses;
};

/// Up to the losses.
template <class T>
EmpdgPass<T> empdg_forward(Tape<T>& tape, const EmpdgConfig& config, const EmpdgParameters<Variable<T>>& p,
                           const EmpdgBatch& batch, const PassOptions& options);

template <class T> EmpdgPass<T> empdg_on_host(const Context& context, EmpdgPass<T> pass);

}  // namespace ethreed
