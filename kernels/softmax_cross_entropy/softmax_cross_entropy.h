#pragma once
// softmax_cross_entropy: −log softmax(logits)[label] of every row, the classifier's loss (6).

#include "kernels/common/dispatch.h"
#include "kernels/common/gradient.h"
#include "kernels/common/math.h"

#include <cstdint>

namespace ethreed {

/// nll_i = lse_i − logits[i, label_i], lse_i = log Σ_k exp(logits[i, k]); a row with label −1 has none: nll_i = 0.
///
///   logits  [rows, classes]  read
///   labels  [rows]           read; −1 (no label) to classes − 1
///   nll     [rows]           written
///   lse     [rows]           written, saved (0 where there is no label); in two parts: large logits cost no digits
///
/// FLOPs: 3·L·classes (an exp counts as one), L the rows with a label. Bytes: (L·classes + 3·rows)·sizeof(T) + 4·rows.
/// Saved beyond inputs and output: 2·rows·sizeof(T). Workspace: none. Nothing may alias.
/// Order of reduction: that of math::log_sum_exp; one thread per row. On a device (one launch, a warp per row) that
/// of warp_log_sum_exp. Workspace there: none.
/// Source: the definition.
template <class T> struct SoftmaxCrossEntropyForward {
  int rows = 0;
  int classes = 0;
  const T* logits = nullptr;
  const std::int32_t* labels = nullptr;
  T* nll = nullptr;
  math::LogSumExp<T>* lse = nullptr;
};

/// dlogits[i, k] = dnll_i·(exp(logits[i, k] − lse_i) − δ_k,label), zero for a row without a label.
///
///   forward  as it was called: logits, labels and lse are read
///   dnll     [rows]           read
///   dlogits  [rows, classes]  written or accumulated, may be absent; aliases nothing
///
/// FLOPs: 5·L·classes. Bytes: ((rows + L)·classes + 3·rows)·sizeof(T) + 4·rows. Workspace: none, on a
/// device neither (one launch).
template <class T> struct SoftmaxCrossEntropyBackward {
  SoftmaxCrossEntropyForward<T> forward;
  const T* dnll = nullptr;
  GradientSink<T> dlogits;
};

ETHREED_KERNEL(softmax_cross_entropy_forward, SoftmaxCrossEntropyForward)
ETHREED_KERNEL(softmax_cross_entropy_backward, SoftmaxCrossEntropyBackward)

}  // namespace ethreed
