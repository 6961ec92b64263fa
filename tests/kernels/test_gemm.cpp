// Matrix products against the textbook's three loops.

#include "kernels/gemm/gemm.h"

#include "kernels/common/operation.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <cstring>
#include <limits>

using namespace ethreed;

namespace {

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

  /// op(A)·op(B), plus C if it accumulates, in double.
  double textbook(int i, int j) const {
    double sum = args.accumulate ? static_cast<double>(c[std::int64_t{i} * args.ldc + j]) : 0;
    for (int p = 0; p < args.k; ++p) {
      const T x = args.a_transposed ? a[std::int64_t{p} * args.lda + i] : a[std::int64_t{i} * args.lda + p];
      const T y = args.b_transposed ? b[std::int64_t{j} * args.ldb + p] : b[std::int64_t{p} * args.ldb + j];
      sum += static_cast<double>(x) * static_cast<double>(y);
    }
    return sum;
  }

  static constexpr int gap = 3;
  Tensor<T> a, b, c;
  Gemm<T> args;
};

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
      const double truth =
          wanted[static_cast<std::size_t>(i) * static_cast<std::size_t>(g.n) + static_cast<std::size_t>(j)];
      if (!(std::abs(got - truth) <= bound * std::max(1.0, std::abs(truth))))
        FAIL("C[" << i << ", " << j << "] is " << got << ", the three loops say " << truth);
    }
    for (int j = g.n; j < g.ldc; ++j)
      REQUIRE(product.c[std::int64_t{i} * g.ldc + j] == before[std::int64_t{i} * g.ldc + j]);
  }
}

template <class T> bool same_bits(const Tensor<T>& a, const Tensor<T>& b) {
  return std::memcmp(a.data(), b.data(), static_cast<std::size_t>(a.count()) * sizeof(T)) == 0;
}

}  // namespace

TEMPLATE_TEST_CASE("gemm equals three loops, in all orientations, overwriting and adding, and stays within its rows",
                   "", float, double) {
  Runtime runtime(2);
  Context context = runtime.context();
  // One element, a row, a column, small odd sizes, more than one tile in each direction.
  for (const Size size : {Size{1, 1, 1}, {1, 7, 300}, {9, 1, 5}, {5, 3, 2}, {17, 32, 33}, {259, 390, 7}, {3, 5, 1300}})
    for (const bool a_transposed : {false, true})
      for (const bool b_transposed : {false, true})
        for (const bool accumulate : {false, true}) {
          INFO(size.m << " x " << size.n << " x " << size.k << (a_transposed ? ", A transposed" : "")
                      << (b_transposed ? ", B transposed" : "") << (accumulate ? ", adding" : ""));
          Product<TestType> product(size, a_transposed, b_transposed, accumulate);
          check_product(context, product);
        }
}

TEST_CASE("gemm of an empty sum writes zeros, or adds nothing") {
  Runtime runtime;
  Context context = runtime.context();
  Product<double> zeros({2, 3, 0}, false, false, false);
  check_product(context, zeros);
  CHECK(zeros.c[0] == 0);
  Product<double> kept({2, 3, 0}, false, false, true);
  check_product(context, kept);
  CHECK(kept.c[0] != 0);
}

TEST_CASE("gemm without accumulate does not read C") {
  Runtime runtime;
  Context context = runtime.context();
  for (const int k : {0, 4, 1300}) {
    Product<double> product({20, 30, k}, false, true, false);
    std::fill(product.c.span().begin(), product.c.span().end(), std::numeric_limits<double>::quiet_NaN());
    gemm(context, product.args);
    for (int i = 0; i < 20; ++i)
      for (int j = 0; j < 30; ++j) REQUIRE(std::isfinite(product.c[i * product.args.ldc + j]));
  }
}

TEST_CASE("gemm lets a NaN through to the row it belongs to, and to no other") {
  Runtime runtime;
  Context context = runtime.context();
  Product<float> product({20, 30, 40}, false, true, false);
  product.a[std::int64_t{7} * product.args.lda + 11] = std::numeric_limits<float>::quiet_NaN();
  gemm(context, product.args);
  for (int i = 0; i < 20; ++i)
    for (int j = 0; j < 30; ++j) REQUIRE(std::isnan(product.c[i * product.args.ldc + j]) == (i == 7));
}

TEMPLATE_TEST_CASE("gemm gives the same bits with one, two and three threads, and inside a parallel chunk", "", float,
                   double) {
  const Size size{300, 800, 129};
  Runtime one(1);
  Context alone = one.context();
  Product<TestType> truth(size, false, true, false);
  gemm(alone, truth.args);
  for (const int threads : {2, 3}) {
    Runtime runtime(threads);
    Context context = runtime.context();
    Product<TestType> product(size, false, true, false);
    gemm(context, product.args);
    CHECK(same_bits(product.c, truth.c));
    Product<TestType> first(size, false, true, false), second(size, false, true, false);
    runtime.pool().parallel_for(2, [&](std::int64_t chunk) { gemm(context, chunk == 0 ? first.args : second.args); });
    CHECK(same_bits(first.c, truth.c));
    CHECK(same_bits(second.c, truth.c));
  }
}
