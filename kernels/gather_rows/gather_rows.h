#pragma once
// gather_rows: rows picked by index, from one tensor, from two side by side, or from two one below the other. Serves
// u = [→h_len ; ←h_1] and h_j = [→h_j ; ←h_j] of the encoder, s_{i−1} of (18), and every change of row order between
// packed and row-by-row layouts.

#include "kernels/common/dispatch.h"
#include "kernels/common/gradient.h"

#include <array>
#include <cstdint>

namespace ethreed {

inline constexpr int gather_max_parts = 2;

/// y[i] = [x_1[index_1[i]] ; x_2[index_2[i]]]; index −1 gives zeros.
/// Stacked (two parts of the same width, one index): y[i] is row index_1[i] of x_1 with x_2 below it.
///
///   x[p]      [source_rows[p], columns[p]]  read
///   index[p]  [rows], −1 … source_rows[p] − 1, any order, repeats allowed; on the host  read
///             stacked: index[0] alone, −1 … source_rows[0] + source_rows[1] − 1
///   y         [rows, Σ columns]             written; aliases nothing; stacked: [rows, columns]
template <class T> struct GatherRowsForward {
  int rows = 0;
  int parts = 1;
  bool stacked = false;
  std::array<int, gather_max_parts> source_rows{};
  std::array<int, gather_max_parts> columns{};
  std::array<const T*, gather_max_parts> x{};
  std::array<const std::int32_t*, gather_max_parts> index{};
  T* y = nullptr;
};

/// dx_p[s] = Σ_{i: index_p[i] = s} dy[i, columns of p]; stacked: i whose index is s, s + source_rows[0] for x_2.
///
///   dy     shape of y  read
///   dx[p]  shape of x[p]; written or accumulated, each may be absent. The parts are processed one after the
///   other,
///          so both sinks may be the same array if the second accumulates.
///
/// With w columns in a row of y, a = parts arrays of indices (stacked: one) and e = Σ_i Σ_{p: index_p[i] ≥ 0}
/// columns[p] elements of y that come from x: FLOPs: forward none; backward e. Bytes: forward (e + rows·w)·sizeof(T) +
/// a·rows·4, backward (e + Σ_p source_rows·columns)·sizeof(T) + a·rows·4; less where rows repeat and the cache holds
/// them. Saved: none beyond the indices. Workspace: none. Order of reduction: ascending i; chunks are ranges of
/// columns, so that no two of them write the same element. On a device: one launch forward, one backward; the rows of
/// dy are added up before they are added to what a sink holds. Every row of x looks through all indices, so backward
/// reads max_p source_rows·a·rows·4 bytes more, from cache. Source: the transpose of a selection.
template <class T> struct GatherRowsBackward {
  GatherRowsForward<T> forward;  // x and y are not read
  const T* dy = nullptr;
  std::array<GradientSink<T>, gather_max_parts> dx{};
};

ETHREED_KERNEL(gather_rows_forward, GatherRowsForward)
ETHREED_KERNEL(gather_rows_backward, GatherRowsBackward)

}  // namespace ethreed
