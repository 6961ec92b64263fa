#pragma once
// Differentiable KL divergence between two softmaxes: autograd over kernels/policy_divergence.

#include "autograd/tape.h"
#include "kernels/policy_divergence/policy_divergence.h"

namespace ethreed {

/// KL(softmax(q_logits)‖softmax(p_logits)) of every row, [N], equation (12).
///   q_logits, p_logits   [N, K]
///   detach_constraint    p is a constant: no gradient reaches p_logits
/// Throws Error on shapes that differ.
template <class T>
Variable<T> policy_divergence(Tape<T>& tape, Variable<T> q_logits, Variable<T> p_logits, bool detach_constraint = true);

}  // namespace ethreed
