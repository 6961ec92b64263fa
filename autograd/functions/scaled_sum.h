#pragma once
// Differentiable sum of a vector times a constant: autograd over kernels/scaled_sum.

#include "autograd/tape.h"
#include "kernels/scaled_sum/scaled_sum.h"

namespace ethreed {

/// scale·Σ x, [1], over all elements of x. A mean has scale 1 / count.
template <class T> Variable<T> scaled_sum(Tape<T>& tape, Variable<T> x, double scale);

}  // namespace ethreed
