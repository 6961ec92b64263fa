#pragma once
// policy_divergence: KL(q‖p) of the policy q against the constraint p, equation (12), from the logits of both.

#include "kernels/common/dispatch.h"
#include "kernels/common/gradient.h"
#include "kernels/common/math.h"

#include <cstdint>

namespace ethreed {

/// kl_i = Σ_k q_k·(log q_k − log p_k), q = softmax(q_logits_i) of (13), p = softmax(p_logits_i) of (14).
///
///   q_logits, p_logits  [rows, classes]  read
///   kl                  [rows]           written, saved
///   q_lse, p_lse        [rows]           written, saved: the log-sum-exps of both, each in two parts
///
/// FLOPs: 14·rows·classes (an exp counts as one). Bytes: (2·rows·classes + 5·rows)·sizeof(T).
/// Saved beyond inputs and output: 4·rows·sizeof(T). Workspace: none. Nothing may alias, but q_logits may be p_logits.
/// Order of reduction: that of math::log_sum_exp, then first class to last; one thread per row. On a
/// device (one launch, a warp per row) that of warp_log_sum_exp, then lane l adds classes l, l + 32, …, the lanes are
/// added by warp_sum. Workspace there: none.
/// Source: the definition, over log-softmax so that a class with q_k = 0 in floating point adds exactly 0.
template <class T> struct PolicyDivergenceForward {
  int rows = 0;
  int classes = 0;
  const T* q_logits = nullptr;
  const T* p_logits = nullptr;
  T* kl = nullptr;
  math::LogSumExp<T>* q_lse = nullptr;
  math::LogSumExp<T>* p_lse = nullptr;
};

/// dq_logits[i, k] = dkl_i·q_k·(log q_k − log p_k − kl_i);  dp_logits[i, k] = dkl_i·(p_k − q_k).
///
///   forward               as it was called: logits and what was saved are read
///   dkl                   [rows]           read
///   dq_logits, dp_logits  [rows, classes]  written or accumulated, each may be absent; they alias nothing
///
/// FLOPs: 19·rows·classes (the addition to either gradient is one). Bytes: (4·rows·classes + 6·rows)·sizeof(T).
/// Workspace: none, on a device neither (one launch for both gradients).
template <class T> struct PolicyDivergenceBackward {
  PolicyDivergenceForward<T> forward;
  const T* dkl = nullptr;
  GradientSink<T> dq_logits;
  GradientSink<T> dp_logits;
};

ETHREED_KERNEL(policy_divergence_forward, PolicyDivergenceForward)
ETHREED_KERNEL(policy_divergence_backward, PolicyDivergenceBackward)

}  // namespace ethreed
