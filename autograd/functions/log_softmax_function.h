#pragma once
// Differentiable logarithms of a softmax: autograd over kernels/log_softmax.

#include "autograd/tape.h"
#include "kernels/log_softmax/log_softmax.h"

namespace ethreed {

/// log softmax of every row of x, of its shape.
///   x  [N, K], K ≥ 1
/// Throws Error on an absent x and on rows without elements.
template <class T> Variable<T> log_softmax(Tape<T>& tape, Variable<T> x);

}  // namespace ethreed
