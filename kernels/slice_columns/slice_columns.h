#pragma once
// slice_columns: some columns of a matrix, side by side, as a matrix of their own: the blocks of a product that
// computed several at once, the heads of a state. Several slices split a matrix; gather_rows joins two.

#include "kernels/common/dispatch.h"
#include "kernels/common/gradient.h"

#include <cstdint>

namespace ethreed {

/// y[i, c] = x[i, first + c], c < count.
///
///   x  [rows, columns]  read: columns first … first + count − 1
///   y  [rows, count]    written; aliases nothing
///
/// 0 ≤ first, 0 ≤ count, first + count ≤ columns. FLOPs: 0. Bytes: 2·rows·count·sizeof(T). Saved: none. Workspace:
/// none. Order of reduction: there is none. On a device: one launch, a thread for every element of y. Elements are read
/// and written one by one: both arrays may start anywhere. Source: the definition.
template <class T> struct SliceColumnsForward {
  int rows = 0;
  int columns = 0;
  int first = 0;
  int count = 0;
  const T* x = nullptr;
  T* y = nullptr;
};

/// dx[i, first + c] = dy[i, c], and 0 in the other columns.
///
///   dy  [rows, count]    read
///   dx  [rows, columns]  written, or accumulated: then the other columns are not touched; may be absent; aliases
///                        nothing
///
/// FLOPs: 0. Bytes: (rows·count + rows·columns)·sizeof(T), of which accumulation spares the other columns.
/// Workspace: none. Order of reduction: there is none. On a device: one launch, a thread for every element that is
/// written.
template <class T> struct SliceColumnsBackward {
  SliceColumnsForward<T> forward;  // x and y are not read
  const T* dy = nullptr;
  GradientSink<T> dx;
};

ETHREED_KERNEL(slice_columns_forward, SliceColumnsForward)
ETHREED_KERNEL(slice_columns_backward, SliceColumnsBackward)

}  // namespace ethreed
