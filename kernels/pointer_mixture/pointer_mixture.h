#pragma once
// pointer_mixture: log P(y) of every target word under the mixture of vocabulary and copy distribution, equations
// (21)–(24), from logits, in log space, without ever forming the distribution over the extended vocabulary.

#include "kernels/common/dispatch.h"
#include "kernels/common/gradient.h"
#include "kernels/common/math.h"
#include "kernels/common/row_layout.h"

#include <cstdint>

namespace ethreed {

/// For target token i of row r with word y and z = its gate before the σ of (23):
///   log p = logits[i, y] − lse_i, −∞ if y ≥ V          lse_i = log Σ_k exp(logits[i, k])
///   copy  = Σ_{j: source_ids[j] = y} γ_ij               over the source tokens j of row r, repeated words included
///   log P = log(σ(z)·p + σ(−z)·copy), computed as log_add_exp(log σ(z) + log p, log σ(−z) + log copy)
///
/// M = layout.targets(), S = layout.sources(), W = layout.weights(), V = vocabulary. Ids below V are vocabulary words;
/// V, V + 1, … are the out-of-vocabulary words of their row.
///
///   logits           [M, V]   read
///   gate_logit       [M]      read
///   weights          [W]      read; γ of (17), ragged [target, source]
///   source_ids       [S]      read
///   targets          [M]      read; a target ≥ V must be in its row's source with a weight above 0, else log P = −∞
///   log_probability  [M]      written, saved
///   lse              [M]      written, saved; in two parts, so that large logits cost the gradients no digits
///   copy_mass        [M]      written, saved
///
/// FLOPs: 3·M·V + W (an exp counts as one). Bytes: (M·V + w + 5·M)·sizeof(T) + 4·(S' + M), w the weights γ_ij with
/// source_ids[j] = y, S' the source tokens of rows that have target tokens.
/// Saved beyond inputs and output: 3·M·sizeof(T). Workspace: none. Nothing may alias.
/// Order of reduction: that of math::log_sum_exp along the vocabulary, first to last along the source; one thread per
/// token. On a device (one launch, a block per token): the vocabulary as block_log_sum_exp does, in one pass; along the
/// source lane l of a warp adds words l, l + 32, …, the lanes are added by warp_sum. Workspace there: none.
/// Source: See, Liu, Manning, "Get To The Point", ACL 2017, for the mixture.
template <class T> struct PointerMixtureForward {
  RowLayout layout;
  int vocabulary = 0;
  const T* logits = nullptr;
  const T* gate_logit = nullptr;
  const T* weights = nullptr;
  const std::int32_t* source_ids = nullptr;
  const std::int32_t* targets = nullptr;
  T* log_probability = nullptr;
  math::LogSumExp<T>* lse = nullptr;
  T* copy_mass = nullptr;
};

/// With g the cotangent of log P, p_k = exp(logits[i, k] − lse_i), the shares π = σ(z)·p / P and π' = σ(−z)·copy / P
/// of the two ways to write y (π + π' = 1):
///   dlogits[i, k] = g·π·(δ_ky − p_k)
///   dγ_ij         = g·σ(−z) / P for every j with source_ids[j] = y, else 0
///   dgate_logit_i = g·(π − σ(z)) = g·(σ(−z)·π − σ(z)·π'), the second form, which keeps its digits at p_gen near 0 or 1
///
///   forward          as it was called: its inputs and what it saved are read
///   dlog_probability [M]                    read
///   dlogits          [M, V]                 written or accumulated; may be `logits` itself if it overwrites (each
///                                           row of logits then turns into its gradient)
///   dgate_logit      [M], dweights [W]      written or accumulated; each of the three may be absent
///
/// FLOPs: 3·M·V + W. Bytes: (2·M·V + W + 7·M)·sizeof(T) + 4·(S' + M). Workspace: none, on a device
/// neither: one launch, a block per token, that writes all three. No sum but that of a gradient with what is there.
template <class T> struct PointerMixtureBackward {
  PointerMixtureForward<T> forward;
  const T* dlog_probability = nullptr;
  GradientSink<T> dlogits;
  GradientSink<T> dgate_logit;
  GradientSink<T> dweights;
};

ETHREED_KERNEL(pointer_mixture_forward, PointerMixtureForward)
ETHREED_KERNEL(pointer_mixture_backward, PointerMixtureBackward)

}  // namespace ethreed
