#pragma once
// Matrix products of so few rows that packing B would be most of the work: squares of B are transposed and used at
// once, and not kept.

#include "kernels/gemm/panel_packing.h"

namespace ethreed::gemm_cpu {
namespace {

inline constexpr int thin_rows = 4;

/// rows × columns elements of C, columns ≤ panel_columns, of one block of k: every sum one chain, as in tile_kernel.
/// a: the rows of A, each along k; columns j … of B lie along k, too. The columns after them are prefetched during the
/// product.
template <class T, int rows>
[[gnu::noinline]] void thin_kernel(const T* a, std::ptrdiff_t lda, const Operand<T>& b, int j, int columns, int p,
                                   int depth, const Target<T>& to) {
  constexpr int n = lanes<T>, width = panel_columns<T>;
  Vector<T> sum[rows][2];
  for (int i = 0; i < rows; ++i) sum[i][0] = sum[i][1] = Vector<T>{};
  const int next = std::min(width, b.lines - j - width);
  alignas(64) T squares[n * width];
  for (int q = 0; q < depth; q += n, a += n) {
    const int count = std::min(n, depth - q);
    for (int line = 0; line < next; ++line) __builtin_prefetch(b.at(j + width + line, p + q));
    pack_transposed<T, width>(b.at(j, p + q), b.ld, columns, count, squares);
    for (int k = 0; k < count; ++k) {
      const Vector<T> first = simd::load(squares + k * width), second = simd::load(squares + k * width + n);
#pragma GCC unroll 4
      for (int i = 0; i < rows; ++i) {
        simd::multiply_add(sum[i][0], first, a[i * lda + k]);
        simd::multiply_add(sum[i][1], second, a[i * lda + k]);
      }
    }
  }
  for (int i = 0; i < rows; ++i)
    for (int v = 0; v < 2; ++v)
      if (columns > v * n) put(to, i, v * n, sum[i][v], std::min(n, columns - v * n));
  activate_rows(to, rows, columns);
}

/// Rows [i, i + m), m ≤ thin_rows, and columns [j, j + n) of a block of k; A and B along k, `to` where the block
/// begins.
template <class T>
void multiply_thin(const Operand<T>& a, const Operand<T>& b, int i, int m, int j, int n, int p, int depth,
                   const Target<T>& to) {
  using Kernel = void (*)(const T*, std::ptrdiff_t, const Operand<T>&, int, int, int, int, const Target<T>&);
  static constexpr Kernel kernels[thin_rows] = {thin_kernel<T, 1>, thin_kernel<T, 2>, thin_kernel<T, 3>,
                                                thin_kernel<T, 4>};
  for (int column = 0; column < n; column += panel_columns<T>)
    kernels[m - 1](a.at(i, p), a.ld, b, j + column, std::min(panel_columns<T>, n - column), p, depth, to.at(0, column));
}

}  // namespace
}  // namespace ethreed::gemm_cpu
