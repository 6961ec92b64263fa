#pragma once
// gather_rows: rows picked by index, from one tensor or from two side by side. Serves u = [→h_len ; ←h_1] and
// h_j = [→h_j ; ←h_j] of the encoder, and every change of row order between packed and row-by-row layouts.

#include "core/context.h"
#include "kernels/common/gradient.h"

#include <array>
#include <cstdint>

namespace ethreed {

inline constexpr int gather_max_parts = 2;

/// y[i] = [x_1[index_1[i]] ; x_2[index_2[i]]]; index −1 gives zeros.
///
///   x[p]      [source_rows[p], columns[p]]  read
///   index[p]  [rows], −1 … source_rows[p] − 1, any order, repeats allowed  read
///   y         [rows, Σ columns]             written; aliases nothing
template <class T> struct GatherRowsForward {
  int rows = 0;
  int parts = 1;
  std::array<int, gather_max_parts> source_rows{};
  std::array<int, gather_max_parts> columns{};
  std::array<const T*, gather_max_parts> x{};
  std::array<const std::int32_t*, gather_max_parts> index{};
  T* y = nullptr;
};

/// dx_p[s] = Σ_{i: index_p[i] = s} dy[i, columns of p].
///
///   dy     [rows, Σ columns]  read
///   dx[p]  shape of x[p]; written or accumulated, each may be absent. The parts are worked through one after the
///   other,
///          so both sinks may be the same array if the second accumulates.
///
/// FLOPs: forward none; backward rows·Σcolumns. Bytes: forward 2·rows·Σcolumns·sizeof(T) + parts·rows·4; backward
/// the same and Σ_p source_rows·columns·sizeof(T). Saved: none beyond the indices. Workspace: none.
/// Order of reduction: ascending i; chunks are ranges of columns, so that no two of them write the same element.
/// Source: the transpose of a selection.
template <class T> struct GatherRowsBackward {
  GatherRowsForward<T> forward;  // x and y are not read
  const T* dy = nullptr;
  std::array<GradientSink<T>, gather_max_parts> dx{};
};

template <class T> void gather_rows_forward(Context& context, const GatherRowsForward<T>& args);
template <class T> void gather_rows_backward(Context& context, const GatherRowsBackward<T>& args);

}  // namespace ethreed
