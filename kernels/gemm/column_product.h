#pragma once
// A matrix by a column.

#include "kernels/gemm/product.h"

namespace ethreed::gemm_cpu {
namespace {

/// a·b in four vectors of interleaved sums.
template <class T> T dot(const T* a, const T* b, int k) {
  constexpr int n = lanes<T>;
  Vector<T> sum[4] = {};
  int p = 0;
  for (; p + 4 * n <= k; p += 4 * n)
#pragma GCC unroll 4
    for (int v = 0; v < 4; ++v) sum[v] += simd::load(a + p + v * n) * simd::load(b + p + v * n);
  for (; p + n <= k; p += n) sum[0] += simd::load(a + p) * simd::load(b + p);
  if (p < k) sum[1] += simd::load_first(a + p, k - p) * simd::load_first(b + p, k - p);
  T parts[n];
  simd::store<T>(parts, (sum[0] + sum[1]) + (sum[2] + sum[3]));
  for (int half = n / 2; half > 0; half /= 2)
    for (int v = 0; v < half; ++v) parts[v] += parts[v + half];
  return parts[0];
}

/// Rows [begin, end) of A [m, k] by a column, a block of k at a time.
template <class T> void multiply_vector(const Product<T>& product, int begin, int end) {
  T* column = buffers<Full<T>>().b;
  const Depths<Full<T>> depths(product.k);
  for (int block = 0; block < depths.count; ++block) {
    const int p = depths.begin(block), depth = depths.depth(block);
    const Target<T> to = target_of_blocks(product.to, block, 1, depths.count);
    const T* b = product.b.at(0, p);
    if (!product.b.along_k) {
      for (int q = 0; q < depth; ++q) column[q] = b[q * product.b.ld];
      b = column;
    }
    for (int i = begin; i < end; ++i) {
      T sum = dot(product.a.at(i, p), b, depth);
      T& c = to.c[i * to.row_step];
      if (to.add) sum += c;
      if (to.bias != nullptr) sum += *to.bias;
      c = sum;
    }
  }
  activate_rows(product.to.at(begin, 0), end - begin, 1);
}

}  // namespace
}  // namespace ethreed::gemm_cpu
