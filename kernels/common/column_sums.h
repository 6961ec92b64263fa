#pragma once
// Sums down the columns of a matrix: the gradient of a bias. For .cu files.

#include "kernels/common/block.h"
#include "kernels/common/launch.h"

namespace ethreed {
inline namespace ETHREED_DEVICE_BUILD {

inline constexpr int column_sums_columns = 32, column_sums_lanes = 8;

/// sums_j = Σ_i x_ij, x [rows, columns] row-major; with y (of the same shape) x is first multiplied by 1 − y², the
/// derivative of tanh, and the product is written to `scaled`. `sums` may be absent. A block has 32 columns; of its 8
/// lanes lane l adds rows l, l + 8, l + 16, …; the lanes are then added from first to last.
template <class T>
__global__ void column_sums_kernel(const T* x, const T* y, T* scaled, int rows, int columns, GradientSink<T> sums) {
  T* parts = shared_array<T, column_sums_columns * column_sums_lanes, struct ColumnSumsParts>();
  const int lane = static_cast<int>(threadIdx.y);
  const int j = index_in_grid();
  T sum{0};
  for (int i = lane; i < rows && j < columns; i += column_sums_lanes) {
    const std::int64_t at = std::int64_t{i} * columns + j;
    T value = x[at];
    if (y != nullptr) {
      value *= T{1} - y[at] * y[at];
      scaled[at] = value;
    }
    sum += value;
  }
  parts[lane * column_sums_columns + thread_index()] = sum;
  __syncthreads();
  if (lane != 0 || j >= columns || !sums) return;
  for (int other = 1; other < column_sums_lanes; ++other) sum += parts[other * column_sums_columns + thread_index()];
  put(sums, j, sum);
}

/// One launch; see the kernel. y and scaled may be null together.
template <class T>
void column_sums(Context& context, int rows, int columns, const T* x, const T* y, T* scaled, GradientSink<T> sums,
                 int stream = 0) {
  launch<column_sums_kernel<T>>(context,
                                {.grid = blocks_for(columns, column_sums_columns),
                                 .block = dim3(column_sums_columns, column_sums_lanes),
                                 .stream = stream},
                                x, y, scaled, rows, columns, sums);
}

}  // namespace ETHREED_DEVICE_BUILD
}  // namespace ethreed
