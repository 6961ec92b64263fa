#pragma once
// Sums down the columns of a matrix on the CPU: the gradient of a bias. (column_sums.h is the device's.)

#include "core/context.h"
#include "kernels/common/gradient.h"

#include <algorithm>

namespace ethreed {

namespace detail {

/// sums[j] += Σ_i x[i·columns + j] over `rows` rows, first to last, for j < width.
template <class T, int rows> void add_rows(const T* x, std::int64_t columns, std::int64_t width, T* __restrict sums) {
  for (std::int64_t j = 0; j < width; ++j) {
    T sum = sums[j];
    for (int i = 0; i < rows; ++i) sum += x[i * columns + j];
    sums[j] = sum;
  }
}

}  // namespace detail

/// db_j = Σ_i g_ij, g [rows, columns]; `db` [columns] is written or accumulated. Rows are added one after the other,
/// in ascending order; eight are read at a time, so that their loads overlap.
template <class T>
void bias_gradient(Context& context, std::int64_t rows, std::int64_t columns, const T* g, const GradientSink<T>& db) {
  constexpr std::int64_t columns_per_chunk = 512;
  constexpr int side_by_side = 8;
  context.pool.parallel_ranges(columns, columns_per_chunk, [&](std::int64_t begin, std::int64_t end) {
    if (!db.accumulate) std::fill(db.data + begin, db.data + end, T{0});
    std::int64_t row = 0;
    for (; row + side_by_side <= rows; row += side_by_side)
      detail::add_rows<T, side_by_side>(g + row * columns + begin, columns, end - begin, db.data + begin);
    for (; row < rows; ++row) detail::add_rows<T, 1>(g + row * columns + begin, columns, end - begin, db.data + begin);
  });
}

}  // namespace ethreed
