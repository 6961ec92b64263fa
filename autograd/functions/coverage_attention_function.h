#pragma once
// Differentiable attention with coverage: autograd over kernels/coverage_attention, equations (16)–(19) and (25).

#include "autograd/tape.h"
#include "kernels/coverage_attention/coverage_attention.h"

namespace ethreed {

/// What the attention of a whole batch of targets gives.
template <class T> struct CoverageAttention {
  Variable<T> weights;        ///< γ, [layout.weights()], ragged: element (r, i, j) at weight_offsets[r] + i·S_r + j
  Variable<T> context;        ///< Σ_j γ_ij h_j, [Mtok, C]
  Variable<T> coverage_loss;  ///< Σ_j min(cov_ij, γ_ij), [Mtok]
};

/// Attention of every target token over the source tokens of its own row.
///   query            [Mtok, D]  s_{i−1} of each target token
///   keys             [Stok, D]  W_con·h_j
///   values           [Stok, C]  h_j
///   coverage_weight  [1]        w_r
///   bias             [1]        b_a
///   coverage_initial [Stok] or null for zeros; no gradient; must outlive the tape. Generation, one step at
///                    a time, passes the sum of the weights of the steps before.
///   unbounded        energies without the tanh of (18), an extension; the bias then changes nothing and gets no
///                    gradient
/// The layout's spans are copied. Throws Error on a layout that is not valid and on shapes that do not fit it.
template <class T>
CoverageAttention<T> coverage_attention(Tape<T>& tape, RowLayout layout, Variable<T> query, Variable<T> keys,
                                        Variable<T> values, Variable<T> coverage_weight, Variable<T> bias,
                                        const T* coverage_initial = nullptr, bool unbounded = false);

}  // namespace ethreed
