#pragma once
// segment_pooling: one row of each ragged segment of rows: their sum, mean, maximum or the last of them. Serves
// encoders and classifiers that make one vector of a text.

#include "core/host_device.h"
#include "core/indices.h"
#include "kernels/common/dispatch.h"
#include "kernels/common/gradient.h"

#include <cstdint>

namespace ethreed {

/// What becomes of the rows of a segment, column by column.
enum class SegmentReduction { sum, mean, max, last };

/// Over the rows j = offsets[s] … offsets[s + 1] − 1 of segment s, n_s of them, in every column c:
///   sum   y[s, c] = Σ_j x[j, c]
///   mean  y[s, c] = (Σ_j x[j, c])·(1/n_s)
///   max   y[s, c] = max_j x[j, c], of which chosen[s, c] is the first row; NaN is above all numbers
///   last  y[s, c] = x[offsets[s + 1] − 1, c]
/// An empty segment has zeros, whatever the reduction, as an empty bag of embedding_bag has.
///
///   offsets  [segments + 1]  on the host, read; starts with 0 and does not decrease; rows = the last of them
///   x        [rows, columns]      read; of `last`, the last rows alone
///   chosen   [segments, columns]  max: written, saved; −1 in an empty segment. The others do not use it
///   y        [segments, columns]  written; aliases nothing
///
/// With R rows, S segments, N of them not empty, and D columns:
/// FLOPs: sum R·D, mean (R + N)·D; max and last 0, a comparison counts nothing. Bytes: (R + S)·D·sizeof(T), of max
/// 4·S·D more; of last (N + S)·D·sizeof(T). Saved beyond inputs and outputs: max 4·S·D, the others none. Workspace:
/// none. Order of reduction: rows ascending, on a device too. On the CPU chunks are ranges of segments, cut by shape
/// alone. On a device: one launch, a thread for every element of y. Rows are read element by element and may start
/// anywhere. Source: the definition.
template <class T> struct SegmentPoolingForward {
  SegmentReduction reduction = SegmentReduction::sum;
  Indices offsets;
  int columns = 0;
  const T* x = nullptr;
  std::int32_t* chosen = nullptr;
  T* y = nullptr;

  ETHREED_HOST_DEVICE int segments() const { return offsets.size() - 1; }
};

/// For the rows j of segment s: sum dx[j, c] = dy[s, c], mean dy[s, c]·(1/n_s); max and last dy[s, c] in the one row
/// that y came from, 0 in the others.
///
///   forward  as it was called: offsets and, of max, chosen are read
///   dy       [segments, columns]  read, but for empty segments
///   dx       [rows, columns]      written or accumulated (max and last: to the rows that y came from alone); may be
///                                 absent; aliases nothing
///
/// FLOPs: mean R·D, else 0. Bytes: (R + N)·D·sizeof(T), of max 4·N·D more. Workspace: none.
/// Order of reduction: there is none. On a device: one launch, a thread for every element of dy.
template <class T> struct SegmentPoolingBackward {
  SegmentPoolingForward<T> forward;
  const T* dy = nullptr;
  GradientSink<T> dx;
};

ETHREED_KERNEL(segment_pooling_forward, SegmentPoolingForward)
ETHREED_KERNEL(segment_pooling_backward, SegmentPoolingBackward)

namespace segment_reduction {

/// Is x the maximum in place of `best`, which stands in an earlier row? Of equal ones the first is, of NaN too.
template <class T> ETHREED_HOST_DEVICE bool is_above(T x, T best) { return x > best || (x != x && best == best); }

/// Does one row of a segment get all of the gradient?
ETHREED_HOST_DEVICE inline bool picks_a_row(SegmentReduction reduction) {
  return reduction == SegmentReduction::max || reduction == SegmentReduction::last;
}

}  // namespace segment_reduction
}  // namespace ethreed
