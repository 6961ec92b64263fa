#pragma once
// Differentiable pooling of ragged segments: autograd over kernels/attention_pooling.

#include "autograd/tape.h"
#include "core/indices.h"
#include "kernels/attention_pooling/attention_pooling.h"

namespace ethreed {

/// One vector of every segment, and how much each entry had of it.
template <class T> struct AttentionPooling {
  Variable<T> y;        ///< [S, D]
  Variable<T> weights;  ///< α, [E]; a constant, no gradient goes through it
};

/// y_s = Σ_j α_j x[rows[j]] over the entries j = offsets[s] … offsets[s + 1] − 1, α = softmax_j scores[j].
///   offsets  [S + 1]       starts with 0; a segment has at least one entry; E = offsets[S]
///   scores   [E] or [E, 1] no numbers of x; may be absent: then α = 1/n, and y is the mean of a segment
///   x        [R, D]
///   rows     [E]           which row of x an entry reads, any order, repeats allowed; empty: entry j reads row j, and
///                          R = E
/// Offsets and rows are copied. Throws Error on offsets, rows and shapes that do not fit.
template <class T>
AttentionPooling<T> attention_pooling(Tape<T>& tape, Indices offsets, Variable<T> scores, Variable<T> x,
                                      Indices rows = {});

}  // namespace ethreed
