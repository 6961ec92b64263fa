// Products by Eigen. Packing buffers live on the stack: tiles are bounded so that they stay well under the limit.
#define EIGEN_STACK_ALLOCATION_LIMIT (4 << 20)
#define EIGEN_DONT_PARALLELIZE
#define EIGEN_NO_DEBUG
#include "kernels/gemm/gemm.h"

#include <Eigen/Core>

#include <algorithm>

namespace ethreed {

namespace {

constexpr int tile_m = 256;
constexpr int tile_n = 384;
constexpr int tile_k = 1280;

template <class T> using RowMajor = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
template <class T> using Input = Eigen::Map<const RowMajor<T>, 0, Eigen::OuterStride<>>;
template <class T> using Output = Eigen::Map<RowMajor<T>, 0, Eigen::OuterStride<>>;

template <class T, class Lhs, class Rhs> void multiply(Output<T>& c, const Lhs& a, const Rhs& b, bool accumulate) {
  if (accumulate)
    c.noalias() += a * b;
  else
    c.noalias() = a * b;
}

// One serial product of a tile: rows [i, i+m), columns [j, j+n), depth [p, p+k).
template <class T> void tile(const Gemm<T>& g, int i, int m, int j, int n, int p, int k, bool accumulate) {
  const auto ld = [](int stride) { return Eigen::OuterStride<>(stride); };
  const T* a = g.a_transposed ? g.a + std::ptrdiff_t{p} * g.lda + i : g.a + std::ptrdiff_t{i} * g.lda + p;
  const T* b = g.b_transposed ? g.b + std::ptrdiff_t{j} * g.ldb + p : g.b + std::ptrdiff_t{p} * g.ldb + j;
  Output<T> c(g.c + std::ptrdiff_t{i} * g.ldc + j, m, n, ld(g.ldc));
  if (!g.a_transposed && !g.b_transposed)
    multiply<T>(c, Input<T>(a, m, k, ld(g.lda)), Input<T>(b, k, n, ld(g.ldb)), accumulate);
  else if (!g.a_transposed)
    multiply<T>(c, Input<T>(a, m, k, ld(g.lda)), Input<T>(b, n, k, ld(g.ldb)).transpose(), accumulate);
  else if (!g.b_transposed)
    multiply<T>(c, Input<T>(a, k, m, ld(g.lda)).transpose(), Input<T>(b, k, n, ld(g.ldb)), accumulate);
  else
    multiply<T>(c, Input<T>(a, k, m, ld(g.lda)).transpose(), Input<T>(b, n, k, ld(g.ldb)).transpose(), accumulate);
}

template <class T> void add_bias(const Gemm<T>& g, int i, int m, int j, int n) {
  if (g.bias == nullptr) return;
  for (int row = i; row < i + m; ++row)
    for (int column = j; column < j + n; ++column) g.c[std::ptrdiff_t{row} * g.ldc + column] += g.bias[column];
}

}  // namespace

template <class T> void gemm(Cpu, Context& context, const Gemm<T>& g) {
  ETHREED_ASSERT(g.m >= 0 && g.n >= 0 && g.k >= 0);
  if (g.m == 0 || g.n == 0) return;
  if (g.k == 0) {
    if (!g.accumulate)
      for (int i = 0; i < g.m; ++i) std::fill_n(g.c + std::ptrdiff_t{i} * g.ldc, g.n, T{0});
    add_bias(g, 0, g.m, 0, g.n);
    return;
  }
  const int tiles_n = (g.n + tile_n - 1) / tile_n;
  const int tiles_m = (g.m + tile_m - 1) / tile_m;
  context.pool.parallel_for(std::int64_t{tiles_m} * tiles_n, [&](std::int64_t index) {
    const int i = static_cast<int>(index / tiles_n) * tile_m;
    const int j = static_cast<int>(index % tiles_n) * tile_n;
    for (int p = 0; p < g.k; p += tile_k)
      tile(g, i, std::min(tile_m, g.m - i), j, std::min(tile_n, g.n - j), p, std::min(tile_k, g.k - p),
           g.accumulate || p > 0);
    add_bias(g, i, std::min(tile_m, g.m - i), j, std::min(tile_n, g.n - j));
  });
}

template void gemm(Cpu, Context&, const Gemm<float>&);
template void gemm(Cpu, Context&, const Gemm<double>&);

}  // namespace ethreed
