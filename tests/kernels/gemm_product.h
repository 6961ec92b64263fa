#pragma once
// A matrix product with its operands, to be held against the textbook's three loops.

#include "core/indices.h"
#include "kernels/common/operation.h"
#include "kernels/gemm/gemm.h"
#include "tests/kernels/same_bits.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace ethreed::test {

struct Size {
  int m, n, k;
};

/// Operands with room between their rows, and C as it was before and as it should be after.
template <class T> struct Product {
  Product(Size size, bool a_transposed, bool b_transposed, bool accumulate)
      : a(random_tensor<T>({a_transposed ? size.k : size.m, (a_transposed ? size.m : size.k) + gap}, 1, 1)),
        b(random_tensor<T>({b_transposed ? size.n : size.k, (b_transposed ? size.k : size.n) + gap}, 1, 2)),
        c(random_tensor<T>({size.m, size.n + gap}, 1, 3)),
        args{.a_transposed = a_transposed,
             .b_transposed = b_transposed,
             .m = size.m,
             .n = size.n,
             .k = size.k,
             .a = a.data(),
             .lda = static_cast<int>(a.columns()),
             .b = b.data(),
             .ldb = static_cast<int>(b.columns()),
             .c = c.data(),
             .ldc = static_cast<int>(c.columns()),
             .accumulate = accumulate} {}

  /// op(A)·op(B), plus C if it accumulates, plus the bias if there is one, in double.
  double textbook(int i, int j) const {
    double sum = args.accumulate ? static_cast<double>(c[std::int64_t{i} * args.ldc + j]) : 0;
    for (int p = 0; p < args.k; ++p) {
      const T x = args.a_transposed ? a[std::int64_t{p} * args.lda + i] : a[std::int64_t{i} * args.lda + p];
      const T y = args.b_transposed ? b[std::int64_t{j} * args.ldb + p] : b[std::int64_t{p} * args.ldb + j];
      sum += static_cast<double>(x) * static_cast<double>(y);
    }
    if (args.bias != nullptr) sum += static_cast<double>(args.bias[j]);
    return sum;
  }

  static constexpr int gap = 3;
  Tensor<T> a, b, c;
  Gemm<T> args;
};

/// Fails unless gemm() gives what the three loops do, and leaves the room between the rows of C alone.
template <class T> void check_product(Context& context, Product<T>& product) {
  const Gemm<T>& g = product.args;
  std::vector<double> wanted;
  for (int i = 0; i < g.m; ++i)
    for (int j = 0; j < g.n; ++j) wanted.push_back(product.textbook(i, j));
  const Tensor<T> before = product.c.clone();
  gemm(context, g);
  // A sum of k products of standard normal numbers has size √k and, rounded, an error of a few √k units.
  const double bound = 16 * std::sqrt(1.0 + g.k) * static_cast<double>(std::numeric_limits<T>::epsilon());
  for (int i = 0; i < g.m; ++i) {
    for (int j = 0; j < g.n; ++j) {
      const auto got = static_cast<double>(product.c[std::int64_t{i} * g.ldc + j]);
      const double truth = wanted[std::int64_t{i} * g.n + j];
      if (!(std::abs(got - truth) <= bound * std::max(1.0, std::abs(truth))))
        FAIL("C[" << i << ", " << j << "] is " << got << ", the three loops say " << truth);
    }
    for (int j = g.n; j < g.ldc; ++j)
      REQUIRE(product.c[std::int64_t{i} * g.ldc + j] == before[std::int64_t{i} * g.ldc + j]);
  }
}

}  // namespace ethreed::test
