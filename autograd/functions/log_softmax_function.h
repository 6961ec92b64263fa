#pragma once
// Differentiable softmax over rows, and its logarithms: autograd over kernels/log_softmax.

#include "autograd/tape.h"
#include "kernels/log_softmax/log_softmax.h"

namespace ethreed {

/// log softmax of every row of x, of its shape.
///   x  [N, K], K ≥ 1
/// Throws Error on an absent x and on rows without elements.
template <class T> Variable<T> log_softmax(Tape<T>& tape, Variable<T> x);

/// softmax of every row of x, of its shape: exp of log_softmax, to the bit. Arguments and errors as there. What is made
/// of logarithms (losses, entropies) keeps more digits if they are log_softmax's.
template <class T> Variable<T> softmax(Tape<T>& tape, Variable<T> x);

}  // namespace ethreed
