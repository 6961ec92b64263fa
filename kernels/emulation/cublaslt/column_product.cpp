#include "kernels/emulation/cublaslt/column_product.h"

#include "core/thread_pool.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

namespace ethreed::emulation {

namespace {

// A tile of D: two vectors of 32 bytes of rows, six columns, all of their sums in registers.
constexpr int vector_bytes = 32, tile_columns = 6;
template <class T> constexpr int lanes = vector_bytes / static_cast<int>(sizeof(T));
template <class T> constexpr int tile_rows = 2 * lanes<T>;
constexpr std::int64_t columns_at_once = 32 * tile_columns;  // of one chunk of work

// Rows of op(A) from `row` on, the tile's of every k together; zeros where there are no more rows.
template <class T> void pack_rows(const ColumnProduct<T>& p, std::int64_t row, std::vector<T>& packed) {
  packed.assign(static_cast<std::size_t>(p.k * tile_rows<T>), T{0});
  const std::int64_t rows = std::min<std::int64_t>(tile_rows<T>, p.m - row);
  for (std::int64_t k = 0; k < p.k; ++k)
    for (std::int64_t r = 0; r < rows; ++r)
      packed[k * tile_rows<T> + r] = p.a_transposed ? p.a[(row + r) * p.lda + k] : p.a[k * p.lda + row + r];
}

template <class T>
void multiply_tile(const ColumnProduct<T>& p, std::int64_t row, std::int64_t column, const T* packed) {
  using Vector [[gnu::vector_size(vector_bytes)]] = T;
  const std::int64_t rows = std::min<std::int64_t>(tile_rows<T>, p.m - row);
  const std::int64_t columns = std::min<std::int64_t>(tile_columns, p.n - column);
  const std::int64_t step = p.b_transposed ? p.ldb : 1;
  std::array<const T*, tile_columns> b;  // where there are no more columns, the last once more
  for (int j = 0; j < tile_columns; ++j) {
    const std::int64_t at = column + std::min<std::int64_t>(j, columns - 1);
    b[j] = p.b_transposed ? p.b + at : p.b + at * p.ldb;
  }
  Vector sums[tile_columns][2] = {};
  for (std::int64_t k = 0; k < p.k; ++k) {
    Vector first, second;
    std::memcpy(&first, packed + k * tile_rows<T>, vector_bytes);
    std::memcpy(&second, packed + k * tile_rows<T> + lanes<T>, vector_bytes);
#pragma GCC unroll 6
    for (int j = 0; j < tile_columns; ++j) {
      const T factor = b[j][k * step];
      sums[j][0] += first * factor;
      sums[j][1] += second * factor;
    }
  }
  for (std::int64_t j = 0; j < columns; ++j)
    for (std::int64_t r = 0; r < rows; ++r) {
      T value = p.alpha * sums[j][r / lanes<T>][r % lanes<T>];
      if (p.beta != T{0}) value += p.beta * p.c[(column + j) * p.ldc + row + r];
      if (p.bias != nullptr) value += p.bias[row + r];
      if (p.relu && value < T{0}) value = T{0};
      p.d[(column + j) * p.ldd + row + r] = value;
    }
}

}  // namespace

template <class T> void multiply(const ColumnProduct<T>& p, ThreadPool* pool) {
  const std::int64_t row_chunks = (p.m + tile_rows<T> - 1) / tile_rows<T>;
  const std::int64_t column_chunks = (p.n + columns_at_once - 1) / columns_at_once;
  const auto run = [&](std::int64_t chunk) {
    const std::int64_t row = chunk % row_chunks * tile_rows<T>, begin = chunk / row_chunks * columns_at_once;
    std::vector<T> packed;
    pack_rows(p, row, packed);
    for (std::int64_t column = begin; column < std::min(p.n, begin + columns_at_once); column += tile_columns)
      multiply_tile(p, row, column, packed.data());
  };
  if (pool != nullptr) return pool->parallel_for(row_chunks * column_chunks, run);
  for (std::int64_t chunk = 0; chunk < row_chunks * column_chunks; ++chunk) run(chunk);
}

template void multiply(const ColumnProduct<float>&, ThreadPool*);
template void multiply(const ColumnProduct<double>&, ThreadPool*);

}  // namespace ethreed::emulation
