#pragma once
// EmpHi's decoder. Of a reply by intent z, step i:
//   a_j = softmax_j h_j·s^(2)_{i−1} over the tokens of X, ctx = Σ_j a_j h_j
//   g_e = σ(G_e f), g_z = σ(G_z f), f = [s^(2)_{i−1} ; E[y_{i−1}] ; ctx]
//   (s^(1)_i, o_i) = GRU2([E[y_{i−1}] ; ctx ; g_e ⊙ ē ; g_z ⊙ v], s^(1)_{i−1}, s^(2)_{i−1}), s^(l)_0 = s^(l): what was
//   said in every word, the implicit intent
//   κ = softmax_m E[w_m]·o_i over the keywords w of z, the explicit intent;  τ = σ(w_τ·o_i)
//   P(w) = (1 − τ) softmax(E o_i)_w + τ Σ_{m: w_m = w} κ_m
// The variants leave out ē and v, the gates, or τ and κ.

#include "kernels/common/row_layout.h"
#include "model/emphi/batch.h"
#include "model/emphi/parameters.h"

#include <array>

namespace ethreed {

/// What the decoder reads of its rows.
template <class T> struct EmphiMemory {
  Variable<T> keys;                    ///< [h ; h] of the tokens of X, row after row [Σ J, 2D]: the attention's keys
                                       ///< and values, each with a gradient of its own
  Indices key_offsets;                 ///< [rows + 1] where those of each begin
  std::array<Variable<T>, 2> initial;  ///< s^(1), s^(2) [rows, D]
  Variable<T> emotion, intent;         ///< ē, v [rows, D]; absent without the implicit intent
  Indices keywords;                    ///< [rows·M_k] word ids; empty without the explicit intent
};

/// One step of the first rows of memory, as many as E[y_{i−1}] has: y and the states before it [rows, D]. `step` are
/// these as sequences of one step, `numbers` 0 … rows at least.
template <class T>
std::array<Variable<T>, 2> decoder_step(Tape<T>& tape, const EmphiConfig& config,
                                        const EmphiDecoder<Variable<T>>& parameters, Packing step,
                                        const EmphiMemory<T>& memory, Variable<T> y,
                                        std::array<Variable<T>, 2> previous, Indices numbers);

/// What the words of target tokens are said by. Absent without the explicit intent: all but the logits.
template <class T> struct EmphiOutput {
  Variable<T> logits;      ///< E o [target tokens, V]
  Variable<T> copy_logit;  ///< τ before its σ [target tokens, 1]
  Variable<T> vocabulary;  ///< 1 − τ before its σ
  Variable<T> keywords;    ///< κ, ragged [target, keyword]
};

/// `o` by target token of `rows`, whose sources are the keywords.
template <class T>
EmphiOutput<T> decoder_output(Tape<T>& tape, const EmphiConfig& config, const EmphiParameters<Variable<T>>& parameters,
                              const RowLayout& rows, Variable<T> o, Indices keywords);

/// Teacher-forced.
template <class T> struct EmphiTargets {
  Variable<T> log_probability;  ///< of every target [target tokens, 1] or [target tokens]
  Variable<T> copy_logit;       ///< [target tokens, 1]; absent without the explicit intent
};
template <class T>
EmphiTargets<T> decode_targets(Tape<T>& tape, const EmphiConfig& config, const EmphiParameters<Variable<T>>& parameters,
                               const EmphiBatch& batch, Variable<T> words, const EmphiMemory<T>& memory);

}  // namespace ethreed
