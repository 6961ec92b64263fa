#pragma once
// pointer_distribution: the whole of log P over the extended vocabulary, equation (21), for decoding. No backward.

#include "core/indices.h"
#include "kernels/common/dispatch.h"
#include "kernels/common/row_layout.h"

#include <algorithm>
#include <cstdint>

namespace ethreed {

/// For target token i of row r, z its gate before the σ of (23), and every word w of the extended vocabulary:
///   out[i, w] = log(σ(z)·softmax(logits_i)[w]·[w < V] + σ(−z)·Σ_{j: source_ids[j] = w} γ_ij)
/// and −∞ for w ≥ V that is no word of the row. A greedy step has one target per row, a step of a beam of k has k.
///
///   logits      [M, V]                 read
///   gate_logit  [M]                    read
///   weights     [W]                    read; γ of (17), ragged [target, source]
///   source_ids  [S]                    read; 0 ≤ id < vocabulary + extra
///   out         [M, V + extra]         written; aliases nothing
///
/// FLOPs: 5·M·V + 6·W (an exp or a log counts as one). Bytes: (2·M·V + M·extra + W + M)·sizeof(T) + 4·S.
/// Saved: none. Workspace: none.
/// Order of reduction: that of math::log_sum_exp along the vocabulary; source words are added from first to last. On a
/// device (one launch, a block per token) the vocabulary as block_log_sum_exp does, the source words as on the CPU.
/// Workspace there: none.
/// Source: See, Liu, Manning, "Get To The Point", ACL 2017.
template <class T> struct PointerDistributionForward {
  RowLayout layout;
  int vocabulary = 0;
  int extra = 0;  ///< the most out-of-vocabulary words of any row: extra_words(source_ids, vocabulary) or more
  const T* logits = nullptr;
  const T* gate_logit = nullptr;
  const T* weights = nullptr;
  const std::int32_t* source_ids = nullptr;
  T* out = nullptr;
};

/// The smallest `extra` that has room for all these ids.
inline int extra_words(Indices source_ids, int vocabulary) {
  std::int32_t end = vocabulary;
  for (const std::int32_t id : source_ids) end = std::max(end, id + 1);
  return end - vocabulary;
}

ETHREED_KERNEL(pointer_distribution_forward, PointerDistributionForward)

}  // namespace ethreed
