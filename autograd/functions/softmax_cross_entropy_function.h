#pragma once
// Differentiable cross-entropy of a softmax: autograd over kernels/softmax_cross_entropy.

#include "autograd/tape.h"
#include "core/indices.h"
#include "kernels/softmax_cross_entropy/softmax_cross_entropy.h"

namespace ethreed {

/// −log softmax(logits)[label] of every row, [N]; 0, and no gradient, for a row with label −1. Equation (6).
///   logits  [N, K]
///   labels  [N], −1 to K − 1; must outlive the tape
/// Throws Error on sizes that do not fit and labels out of range.
template <class T> Variable<T> softmax_cross_entropy(Tape<T>& tape, Variable<T> logits, Indices labels);

}  // namespace ethreed
