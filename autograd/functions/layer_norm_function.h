#pragma once
// Differentiable normalisation of rows: autograd over kernels/layer_norm.

#include "autograd/tape.h"
#include "kernels/layer_norm/layer_norm.h"

namespace ethreed {

/// gamma ⊙ (x − mean)/deviation + beta, row by row, of the shape of x.
///   x            [N, D]; D ≥ 1, of the unbiased form D ≥ 2
///   gamma, beta  D elements each: [D] or [1, D]
///   form         how the deviation is made and where epsilon is added, see LayerNormForm
///   epsilon      > 0 and finite
///   into         [N, D] that the result takes the place of, x itself or another; on a tape that does not record
/// Throws Error on variables that are absent, shapes that do not fit and other epsilons, and if something is recorded
/// with `into`.
template <class T>
Variable<T> layer_norm(Tape<T>& tape, Variable<T> x, Variable<T> gamma, Variable<T> beta, LayerNormForm form,
                       double epsilon, Variable<T> into = {});

}  // namespace ethreed
