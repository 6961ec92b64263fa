// Matrix products against the textbook's three loops.

#include "kernels/gemm/gemm.h"

#include "kernels/common/operation.h"
#include "kernels/gemm/packed_gemm.h"
#include "tests/kernels/allocation_count.h"

#include <fmt/format.h>
#include <catch2/catch.hpp>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>

using namespace ethreed;
using Catch::Matchers::Contains;

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

/// All three loops for every element take too long at large sizes: awkward ones around the edges of vectors, groups of
/// rows and panels, each at least once in every place.
std::vector<Size> awkward_sizes() {
  const std::vector<int> small = {1, 2, 3, 7, 8, 13, 14, 15, 16, 17, 29, 31, 32, 33, 64, 65, 129};
  std::vector<Size> sizes;
  for (const int m : {1, 2, 5, 6, 7, 13, 14, 15, 17, 29, 33})
    for (const int n : small) sizes.push_back({m, n, 19});
  for (const int k : small)
    for (const int m : {1, 3, 14, 16}) sizes.push_back({m, 34, k});
  for (const int m : {64, 65, 129, 241, 482}) sizes.push_back({m, 33, 17});
  // Several blocks of k; several tiles; a panel whose rows are far apart.
  for (const int k : {383, 384, 385, 769}) sizes.push_back({15, 33, k});
  sizes.push_back({97, 600, 130});
  sizes.push_back({3, 1100, 20});
  sizes.push_back({16, 1100, 20});
  // Rows enough for B to be packed though its rows are near: all of a tile's columns at once, a panel at a time because
  // they are many or the k are; and, with AVX-512, the most rows that are not enough.
  for (const int m : {112, 113, 241}) sizes.push_back({m, 67, 33});
  for (const int k : {383, 384, 385}) sizes.push_back({130, 49, k});
  sizes.push_back({130, 310, 380});
  return sizes;
}

template <class T> bool same_bits(const Tensor<T>& a, const Tensor<T>& b) {
  return std::memcmp(a.data(), b.data(), static_cast<std::size_t>(a.count()) * sizeof(T)) == 0;
}

bool bf16_is_here() {
  if (!has_bf16_products()) fmt::print("bf16: not run: this build has no products of bfloat16\n");
  return has_bf16_products();
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

TEMPLATE_TEST_CASE("gemm equals three loops at awkward sizes, in all orientations, with and without a bias", "", float,
                   double) {
  Runtime runtime(2);
  Context context = runtime.context();
  int variant = 0;
  for (const Size size : awkward_sizes())
    for (const bool a_transposed : {false, true})
      for (const bool b_transposed : {false, true}) {
        ++variant;
        const bool accumulate = variant % 3 == 0, with_bias = variant % 2 == 0;
        INFO(size.m << " x " << size.n << " x " << size.k << (a_transposed ? ", A transposed" : "")
                    << (b_transposed ? ", B transposed" : "") << (accumulate ? ", adding" : "")
                    << (with_bias ? ", bias" : ""));
        Product<TestType> product(size, a_transposed, b_transposed, accumulate);
        const auto bias = random_tensor<TestType>({size.n}, 1, 4);
        if (with_bias) product.args.bias = bias.data();
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

TEMPLATE_TEST_CASE(
    "gemm gives the same bits with any number of threads, though it is cut by it, and inside a parallel chunk", "",
    float, double) {
  // Many rows; a wide C; a narrow one with several blocks of k; a tall one of few k.
  for (const Size size : {Size{600, 300, 129}, {120, 1300, 70}, {240, 100, 900}, {900, 300, 33}})
    for (const bool a_transposed : {false, true})
      for (const bool b_transposed : {false, true}) {
        INFO(size.m << " x " << size.n << " x " << size.k << (a_transposed ? ", A transposed" : "")
                    << (b_transposed ? ", B transposed" : ""));
        Runtime one(1);
        Context alone = one.context();
        Product<TestType> truth(size, a_transposed, b_transposed, false);
        gemm(alone, truth.args);
        for (const int threads : {2, 3, 8}) {
          INFO(threads << " threads");
          Runtime runtime(threads);
          Context context = runtime.context();
          Product<TestType> product(size, a_transposed, b_transposed, false);
          gemm(context, product.args);
          CHECK(same_bits(product.c, truth.c));
          Product<TestType> first(size, a_transposed, b_transposed, false);
          Product<TestType> second(size, a_transposed, b_transposed, false);
          runtime.pool().parallel_for(
              2, [&](std::int64_t chunk) { gemm(context, chunk == 0 ? first.args : second.args); });
          CHECK(same_bits(first.c, truth.c));
          CHECK(same_bits(second.c, truth.c));
        }
      }
}

TEMPLATE_TEST_CASE("a row of gemm has the same bits whatever other rows are computed with it, and a column likewise",
                   "", float, double) {
  Runtime runtime(2);
  Context context = runtime.context();
  const Size size{131, 150, 400};
  for (const bool a_transposed : {false, true})
    for (const bool b_transposed : {false, true}) {
      Product<TestType> whole(size, a_transposed, b_transposed, false);
      const Gemm<TestType>& g = whole.args;
      gemm(context, g);
      for (const int m : {1, 2, 3, 6, 7, 13, 14, 15, 29, 100})
        for (const int n : {2, 15, 16, 17, 33, 64, 130}) {
          const int i = size.m - m, j = (size.n - n) / 2;  // some rows and columns of the whole
          Tensor<TestType> c({m, n});
          Gemm<TestType> part = g;
          part.m = m;
          part.n = n;
          part.a += std::ptrdiff_t{i} * (a_transposed ? 1 : g.lda);
          part.b += std::ptrdiff_t{j} * (b_transposed ? g.ldb : 1);
          part.c = c.data();
          part.ldc = n;
          gemm(context, part);
          for (int row = 0; row < m; ++row)
            REQUIRE(std::memcmp(c.data() + std::int64_t{row} * n, g.c + std::int64_t{i + row} * g.ldc + j,
                                static_cast<std::size_t>(n) * sizeof(TestType)) == 0);
        }
    }
}

TEMPLATE_TEST_CASE("a row of a matrix-vector product has the same bits whatever other rows are computed with it", "",
                   float, double) {
  Runtime runtime(2);
  Context context = runtime.context();
  for (const bool a_transposed : {false, true}) {
    Product<TestType> whole({700, 1, 900}, a_transposed, true, false);
    gemm(context, whole.args);
    for (const int m : {1, 2, 17, 699}) {
      Product<TestType> part({700, 1, 900}, a_transposed, true, false);
      part.args.m = m;
      gemm(context, part.args);
      for (int i = 0; i < m; ++i) REQUIRE(part.c[i * part.args.ldc] == whole.c[i * whole.args.ldc]);
    }
  }
}

TEST_CASE("infinities and NaNs of either operand come out where the three loops put them") {
  Runtime runtime;
  Context context = runtime.context();
  constexpr float infinity = std::numeric_limits<float>::infinity();
  for (const Size size : {Size{1, 1, 40}, {1, 40, 40}, {20, 1, 40}, {20, 30, 40}})
    for (const bool a_transposed : {false, true})
      for (const bool b_transposed : {false, true})
        for (const float value : {infinity, -infinity, std::numeric_limits<float>::quiet_NaN()}) {
          Product<float> product(size, a_transposed, b_transposed, false);
          product.a[product.args.a_transposed ? 11 * product.args.lda : 11] = value;  // A[0, 11]
          product.b[product.args.b_transposed ? 12 : 12 * product.args.ldb] = value;  // B[12, 0]
          gemm(context, product.args);
          for (int i = 0; i < size.m; ++i)
            for (int j = 0; j < size.n; ++j) {
              const auto truth = static_cast<float>(product.textbook(i, j));
              const float got = product.c[i * product.args.ldc + j];
              REQUIRE(std::isnan(got) == std::isnan(truth));
              REQUIRE(std::isinf(got) == std::isinf(truth));
              if (std::isinf(truth)) REQUIRE(got == truth);
            }
        }
}

TEMPLATE_TEST_CASE("matrix products with a packed matrix have the bits of gemm, whole and in parts of their columns",
                   "", float, double) {
  Runtime runtime(2);
  Context context = runtime.context();
  for (const Size size : {Size{1, 300, 300}, {3, 70, 30}, {17, 129, 400}, {600, 33, 390}, {5, 1, 7}})
    for (const bool b_transposed : {false, true})
      for (const bool accumulate : {false, true}) {
        Product<TestType> product(size, false, b_transposed, accumulate);
        const Gemm<TestType>& g = product.args;
        Tensor<TestType> memory({packed_elements<TestType>(size.k, size.n)});
        const PackedMatrix<TestType> packed =
            pack_matrix(context, g.b, g.ldb, b_transposed, size.k, size.n, memory.data());
        const int step = packed_column_step<TestType>();
        for (const int columns : {size.n, step, 3 * step}) {
          Tensor<TestType> c = product.c.clone();
          for (int first = 0; first < size.n; first += columns)
            multiply_packed<TestType>({.m = size.m,
                                       .a = g.a,
                                       .lda = g.lda,
                                       .b = &packed,
                                       .first = first,
                                       .columns = std::min(columns, size.n - first),
                                       .c = c.data() + first,
                                       .ldc = g.ldc,
                                       .accumulate = accumulate});
          Product<TestType> truth(size, false, b_transposed, accumulate);
          if (size.n > 1) {
            gemm(context, truth.args);
            REQUIRE(same_bits(c, truth.c));
          } else {
            for (int i = 0; i < size.m; ++i)
              REQUIRE(static_cast<double>(c[i * g.ldc]) == Approx(truth.textbook(i, 0)).epsilon(1e-4).margin(1e-5));
          }
        }
      }
}

TEST_CASE("gemm takes nothing from the heap") {
  Runtime runtime(2);
  Context context = runtime.context();
  for (const Size size : {Size{238, 1500, 300}, {1, 900, 300}, {40, 1, 300}}) {
    Product<float> product(size, false, true, false);
    gemm(context, product.args);
    const std::int64_t before = test::allocation_count();
    gemm(context, product.args);
    CHECK(test::allocation_count() - before == 0);
  }
}

TEST_CASE(
    "a precision has one of two names, and matrix products that the processor lacks are an error, not full ones") {
  CHECK(gemm_precision_from("float32") == GemmPrecision::full);
  CHECK_THROWS_WITH(gemm_precision_from("float16"), Contains("float16") && Contains("give float32 or bf16"));
  if (has_bf16_products()) {
    CHECK(gemm_precision_from("bf16") == GemmPrecision::bf16);
    return;
  }
  CHECK_THROWS_WITH(gemm_precision_from("bf16"), Contains("AVX512_BF16"));
  Runtime runtime(1);
  runtime.set_gemm_precision(GemmPrecision::bf16);
  Context context = runtime.context();
  Product<float> product({2, 3, 4}, false, false, false);
  CHECK_THROWS_WITH(gemm(context, product.args), Contains("AVX512_BF16"));
}

TEST_CASE(
    "matrix products of bfloat16 round their operands to the nearest, ties to even, and sum what that gives in float") {
  if (!bf16_is_here()) return;
  Runtime runtime(2);
  runtime.set_gemm_precision(GemmPrecision::bf16);
  Context context = runtime.context();
  const auto round = [](Tensor<float>& values) {
    for (float& value : values.span()) {
      auto bits = std::bit_cast<std::uint32_t>(value);
      bits += 0x7fff + (bits >> 16 & 1);
      value = std::bit_cast<float>(bits & 0xffff0000U);
    }
  };
  int variant = 0;
  for (const Size size : {Size{1, 7, 300}, {5, 3, 2}, {17, 32, 33}, {40, 65, 31}, {259, 390, 7}, {3, 5, 1301}})
    for (const bool a_transposed : {false, true})
      for (const bool b_transposed : {false, true}) {
        const bool accumulate = ++variant % 3 == 0;
        INFO(size.m << " x " << size.n << " x " << size.k << (a_transposed ? ", A transposed" : "")
                    << (b_transposed ? ", B transposed" : "") << (accumulate ? ", adding" : ""));
        Product<float> product(size, a_transposed, b_transposed, accumulate);
        const Tensor<float> before = product.c.clone();
        gemm(context, product.args);
        const Tensor<float> of_unrounded = product.c.clone();
        std::copy_n(before.data(), before.count(), product.c.data());
        round(product.a);
        round(product.b);
        check_product(context, product);
        CHECK(same_bits(product.c, of_unrounded));
      }
}

TEST_CASE("matrix products of bfloat16 have the same bits with one and two threads, packed or not, whole or in parts") {
  if (!bf16_is_here()) return;
  constexpr int n = 330;
  for (const int m : {8, 33})
    for (const int k : {1, 15, 16, 33, 401}) {  // from 16 on in a matrix unit, where there is one
      INFO(m << " x " << n << " x " << k);
      Product<float> product({m, n, k}, false, true, false);
      const Gemm<float>& g = product.args;
      std::optional<Tensor<float>> first;
      const auto equals_first = [&] {
        if (!first) first = product.c.clone();
        for (std::int64_t i = 0; i < m; ++i)
          if (std::memcmp(g.c + i * g.ldc, first->data() + i * g.ldc, n * sizeof(float)) != 0) return false;
        return true;
      };
      for (const int threads : {1, 2}) {
        Runtime runtime(threads);
        runtime.set_gemm_precision(GemmPrecision::bf16);
        Context context = runtime.context();
        gemm(context, g);
        CHECK(equals_first());
        Tensor<float> memory({packed_elements<float>(k, n)});
        const PackedMatrix<float> packed = pack_matrix(context, g.b, g.ldb, true, k, n, memory.data());
        const int step = packed_column_step<float>();
        for (const int columns : {n, step, 3 * step}) {
          std::fill_n(product.c.data(), product.c.count(), -1.0F);
          for (int begin = 0; begin < n; begin += columns)
            multiply_packed<float>({.m = m,
                                    .a = g.a,
                                    .lda = g.lda,
                                    .b = &packed,
                                    .first = begin,
                                    .columns = std::min(columns, n - begin),
                                    .c = g.c + begin,
                                    .ldc = g.ldc});
          CHECK(equals_first());
        }
      }
    }
}
