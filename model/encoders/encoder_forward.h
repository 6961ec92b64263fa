#pragma once
// Encoders of BERT's family on the tape: layer norm after each part of a layer, GELU with erf, learned positions.

#include "autograd/tape.h"
#include "model/encoders/encoder_batch.h"
#include "model/encoders/encoder_parameters.h"

#include <cstdint>

namespace ethreed {

/// Dropout at the rates of the configuration: after the embeddings, of the attention's weights, after both parts of a
/// layer, and in the head. Masks are functions of seed and step.
struct EncoderDropout {
  bool on = false;
  std::uint64_t seed = 0;
  std::int64_t step = 0;
};

/// Hidden state `layer` [tokens, d]: 0 is the embeddings after their layer norm, n the output of the n-th layer. Layers
/// above are not run.
///   x⁰ = LN(words + positions + types); MPNet adds its table's number for the distance of two tokens to the logit of
///   each head
///   y  = LN(x + MHA(x)),  x' = LN(y + W_2 gelu(W_1 y + b_1) + b_2)
/// Where the tape does not record, the memory of a layer is used again by the next one. Throws Error unless
/// 0 ≤ layer ≤ config.layers and the batch has a text.
template <class T>
Variable<T> encoder_state(Tape<T>& tape, const EncoderConfig& config, const EncoderHandles<Variable<T>>& handles,
                          const EncoderBatch& batch, int layer, const EncoderDropout& dropout = {});

/// tanh(W_p x_0 + b_p) of every text's first token, [texts, d]; `last`: the last hidden state.
template <class T>
Variable<T> encoder_pooled(Tape<T>& tape, const EncoderHandles<Variable<T>>& handles, const EncoderBatch& batch,
                           Variable<T> last);

/// [texts, labels]; of BERT W_c drop(pooled) + b_c, of RoBERTa and MPNet W_out drop(tanh(W_dense drop(x_0) + b_dense))
/// + b_out, of DistilBERT W_c drop(relu(W_pre x_0 + b_pre)) + b_c.
template <class T>
Variable<T> encoder_logits(Tape<T>& tape, const EncoderConfig& config, const EncoderHandles<Variable<T>>& handles,
                           const EncoderBatch& batch, Variable<T> last, const EncoderDropout& dropout = {});

}  // namespace ethreed
