#pragma once
// attention_pooling: one vector of each ragged segment of rows, their sum weighted by a softmax over scores, or their
// mean. Serves encoders that pool their states: the rows may stand anywhere, as packed time-major states do.

#include "core/indices.h"
#include "kernels/common/dispatch.h"
#include "kernels/common/gradient.h"

#include <cstdint>

namespace ethreed {

/// For every segment s, over its entries j = offsets[s] … offsets[s + 1] − 1, n of them:
///   α = softmax_j scores[j], or 1/n without scores;  y_s = Σ_j α_j x[rows[j]], or Σ_j α_j x[j] without rows.
///
///   offsets  [segments + 1]  on the host, read; starts with 0; a segment has at least one entry
///   rows     [entries]       on the host, read; 0 … source_rows − 1, any order, repeats allowed; may be absent: then
///                            entry j reads row j, and source_rows is at least the number of entries
///   scores   [entries]       read; may be absent
///   x        [source_rows, columns]  read
///   weights  [entries]       written: α, an output and what the backward needs of it; aliases nothing
///   y        [segments, columns]     written; aliases nothing
template <class T> struct AttentionPoolingForward {
  Indices offsets;
  const std::int32_t* rows = nullptr;
  int source_rows = 0;
  int columns = 0;
  const T* scores = nullptr;
  const T* x = nullptr;
  T* weights = nullptr;
  T* y = nullptr;

  int segments() const { return offsets.size() - 1; }
  int entries() const { return offsets.empty() ? 0 : offsets.back(); }
};

/// dscores_j = α_j dy_s·(x[rows[j]] − y_s), which is α_j (dα_j − Σ_i α_i dα_i) with dα_j = dy_s·x[rows[j]];
/// dx[r] = Σ_{j: rows[j] = r} α_j dy_s, s the segment of entry j; zero for a row that no entry reads.
///
///   forward  as it was called: its inputs, weights and y are read
///   dy       [segments, columns]  read
///   dscores  [entries]            written or accumulated; absent where there are no scores, or where it is not wanted
///   dx       shape of x           written or accumulated; may be absent. The two alias nothing, not each other, either
///
/// With E entries, S segments, R source rows, D columns, and I = E·(rows given) + S + 1 indices (none if S is 0):
/// FLOPs: forward 2·E·D; backward 5·E·D, without scores 2·E·D. Bytes: forward ((E + S)·D + 2·E)·sizeof(T) + 4·I (E less
/// without scores), backward ((E + 2·S + R)·D + 2·E)·sizeof(T) + 4·I, without scores ((S + R)·D + E)·sizeof(T) + 4·I;
/// less where entries read the same row and the cache holds it. Saved beyond inputs and outputs: none. Workspace: none.
/// Order of reduction: sums over entries run in ascending order. On the CPU chunks are segments, and ranges of columns
/// for dx; dot products have a fixed number of lanes. On a device: one launch forward, a block per segment, and one
/// backward, a block per segment and one per row of x; the softmax's sum and dot products are added by 32 lanes, lane l
/// elements l, l + 32, …, and then by warp_sum; dx_r is a sum of sums, one for every 512 entries, added in order. Every
/// row of x looks through all of `rows`, so backward reads R·E·4 bytes more, from cache.
/// Source: the chain rule; attention over the states of an encoder after Yang et al., "Hierarchical Attention Networks
/// for Document Classification", NAACL 2016.
template <class T> struct AttentionPoolingBackward {
  AttentionPoolingForward<T> forward;
  const T* dy = nullptr;
  GradientSink<T> dscores;
  GradientSink<T> dx;
};

ETHREED_KERNEL(attention_pooling_forward, AttentionPoolingForward)
ETHREED_KERNEL(attention_pooling_backward, AttentionPoolingBackward)

}  // namespace ethreed
