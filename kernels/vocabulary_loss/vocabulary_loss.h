#pragma once
// vocabulary_loss: cross-entropy of rows of logits against a word each, smoothed over the vocabulary, whose gradient
// may take the logits' place: a batch's [rows, vocabulary] is in memory once.

#include "kernels/common/dispatch.h"
#include "kernels/common/gradient.h"
#include "kernels/common/math.h"
#include "kernels/vocabulary_loss/smoothing.h"

#include <cstdint>

namespace ethreed {

/// With P = softmax(logits_i), ε = smoothing, y = targets[i] and the wanted distribution
///   p*_y = 1 − ε,  p*_excluded = 0,  every other p*_v = q = ε/n, n the number of these: V − 2, or V − 1 if no class is
///   excluded:
///   loss_i = Σ_v p*_v·(log p*_v − log P_v),  0·log 0 = 0;  nll_i = −log P_y
/// A row counts nothing (loss = nll = 0) whose target is −1 or the excluded class.
///
///   logits   [rows, V]  read; V = vocabulary; finite where ε > 0, but for that of the excluded class
///   targets  [rows]     on the host, read; −1 to V − 1
///   loss     [rows]     written
///   nll      [rows]     written; for the perplexity: no gradient goes through it
///   lse      [rows]     written, saved: log Σ_v exp(logits[i, v]), in two parts (0 where the row counts nothing)
///
/// 0 ≤ ε < 1, n ≥ 1 if ε > 0; excluded is −1 for none. Nothing may alias.
/// FLOPs: 3·L·V, with ε > 0 5·L·V (an exp counts as one), L the rows that count. Bytes: (L·V + 4·rows)·sizeof(T) +
/// 4·rows. Saved beyond inputs and outputs: 2·rows·sizeof(T). Workspace: none.
/// Order of reduction: that of math::log_sum_exp, the sum of logits as lane_sum does; one thread per row. On a device
/// (one launch, a block per row) that of block_log_sum_exp, a thread's logits as walk_row gives them and block_sum.
/// Source: Szegedy et al., "Rethinking the Inception Architecture for Computer Vision", CVPR 2016, for the smoothing.
template <class T> struct VocabularyLossForward {
  int rows = 0;
  int vocabulary = 0;
  T smoothing = 0;
  std::int32_t excluded = -1;
  const T* logits = nullptr;
  const std::int32_t* targets = nullptr;
  T* loss = nullptr;
  T* nll = nullptr;
  math::LogSumExp<T>* lse = nullptr;
};

/// dlogits[i, v] = dloss_i·(P_v − p*_v), zero for a row that counts nothing.
///
///   forward  as it was called: logits, targets and lse are read
///   dloss    [rows]     read, where a row counts
///   dlogits  [rows, V]  written or accumulated, may be absent; may be `logits` itself if it overwrites (each row of
///                       logits then turns into its gradient)
///
/// FLOPs: 4·L·V. Bytes: ((rows + L)·V + 3·L)·sizeof(T) + 4·rows. Workspace: none, on a device neither: one launch, a
/// block per row. No sum but that of a gradient with what is there.
template <class T> struct VocabularyLossBackward {
  VocabularyLossForward<T> forward;
  const T* dloss = nullptr;
  GradientSink<T> dlogits;
};

ETHREED_KERNEL(vocabulary_loss_forward, VocabularyLossForward)
ETHREED_KERNEL(vocabulary_loss_backward, VocabularyLossBackward)

}  // namespace ethreed
