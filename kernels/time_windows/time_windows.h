#pragma once
// time_windows: beside every row of a sequence its neighbours in time, so that a convolution over time is one matrix
// product (kernels/linear).

#include "core/indices.h"
#include "kernels/common/dispatch.h"
#include "kernels/common/gradient.h"

#include <cstdint>

namespace ethreed {

/// y[t] = [x[t − left] ; x[t − left + 1] ; … ; x[t − left + width − 1]] for every row t, where rows beyond the segment
/// of t are zeros: a convolution's input from which it sees left rows back and width − 1 − left ahead. left = 1 of
/// width 3 looks to both sides, left = 2 is causal.
///
///   offsets  [segments + 1]  on the host, read: rows offsets[s] … offsets[s + 1] − 1 are segment s, which may be
///   empty;
///                            starts with 0; rows = the last of them
///   x        [rows, columns]          read
///   y        [rows, width·columns]    written; aliases nothing
///
/// 0 ≤ left < width. With w = Σ_s Σ_{o < width} max(0, n_s − |o − left|), n_s the rows of segment s: the number of
/// neighbours that are there.
/// FLOPs: 0. Bytes: (1 + width)·rows·columns·sizeof(T).
/// Saved: none. Workspace: none. Order of reduction: there is none. On a device: one launch, a block per row.
/// Source: the definition; it is the unfolding of Chellapilla, Puri, Simard, "High Performance Convolutional Neural
/// Networks for Document Processing", 2006, in one dimension.
template <class T> struct TimeWindowsForward {
  Indices offsets;
  int columns = 0;
  int width = 1;
  int left = 0;
  const T* x = nullptr;
  T* y = nullptr;
};

/// dx[t] = Σ_o dy[t + left − o, block o] over the o for which that row is in the segment of t.
///
///   forward  as it was called: offsets are read
///   dy       [rows, width·columns]  read, but for blocks that had zeros
///   dx       [rows, columns]        written or accumulated, may be absent; aliases nothing
///
/// FLOPs: w·columns. Bytes: (w + rows)·columns·sizeof(T). Workspace: none.
/// Order of reduction: o ascending. On a device: one launch, a block per row.
template <class T> struct TimeWindowsBackward {
  TimeWindowsForward<T> forward;
  const T* dy = nullptr;
  GradientSink<T> dx;
};

ETHREED_KERNEL(time_windows_forward, TimeWindowsForward)
ETHREED_KERNEL(time_windows_backward, TimeWindowsBackward)

}  // namespace ethreed
