// Matrix products against the textbook's three loops.

#include "kernels/gemm/gemm.h"

#include "kernels/gemm/activated.h"
#include "kernels/gemm/packed_gemm.h"
#include "tests/kernels/allocation_count.h"
#include "tests/kernels/gemm_product.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

using namespace ethreed;
using namespace ethreed::test;

namespace {

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

TEMPLATE_TEST_CASE("an activation behind a matrix product has the bits of one over the product's result", "", float,
                   double) {
  Runtime runtime(2);
  Context context = runtime.context();
  // Thin; a row or a column; packed panel by panel and all at once; in place; one and several blocks of k; none.
  const Size sizes[] = {{1, 70, 19},  {3, 70, 400},  {9, 1, 400},    {29, 67, 0},    {14, 40, 800},
                        {33, 67, 19}, {97, 67, 300}, {97, 300, 400}, {97, 67, 1200}, {500, 67, 1024}};
  const bool rounds = std::is_same_v<TestType, float> && has_bf16_products();
  for (const Size size : sizes)
    for (const bool a_transposed : {false, true})
      for (const bool b_transposed : {false, true})
        for (const int setting : {0, 1, 2}) {
          const bool biased = setting == 1;
          context.gemm_precision = setting == 2 && rounds ? GemmPrecision::bf16 : GemmPrecision::full;
          INFO(size.m << " x " << size.n << " x " << size.k << (a_transposed ? ", A transposed" : "")
                      << (b_transposed ? ", B transposed" : "")
                      << (biased         ? ", a bias"
                          : setting == 2 ? ", bf16"
                                         : ""));
          Product<TestType> product(size, a_transposed, b_transposed, true);
          const Tensor<TestType> bias = random_tensor<TestType>({size.n}, 1, 4), before = product.c.clone();
          if (biased) product.args.bias = bias.data();
          product.args.c = product.c.data();
          gemm(context, product.args);
          const Tensor<TestType> plain = product.c.clone();
          for (const Activation activation : {Activation::tanh, Activation::gelu}) {
            Tensor<TestType> wanted = before.clone();  // the room between rows stays as it is
            for (int i = 0; i < size.m; ++i) {
              TestType* row = wanted.data() + std::int64_t{i} * product.args.ldc;
              std::copy_n(plain.data() + std::int64_t{i} * product.args.ldc, size.n, row);
              activate<TestType>(activation, row, size.n);
            }
            Tensor<TestType> c = before.clone(), y = before.clone();
            product.args.c = c.data();
            gemm_activated<TestType>(context, product.args, activation, y.data());
            CHECK(same_bits(c, plain));
            CHECK(same_bits(y, wanted));
            y = before.clone();
            product.args.c = y.data();
            gemm_activated<TestType>(context, product.args, activation, y.data());
            CHECK(same_bits(y, wanted));
          }
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
                                bytes_of<TestType>(n)) == 0);
        }
    }
}

TEMPLATE_TEST_CASE("rows of A that begin whole pages apart, which share lines of a cache, have the bits of any others",
                   "", float, double) {
  Runtime runtime(2);
  Context context = runtime.context();
  constexpr int page = 4096 / static_cast<int>(sizeof(TestType));
  for (const int m : {8, 9, 14, 31, 200})  // up to eight rows in a tile, more, and several tiles
    for (const int k : {20, page - 1}) {
      INFO(m << " rows of " << k);
      const Tensor<TestType> b = random_tensor<TestType>({70, k}, 1, 2), near = random_tensor<TestType>({m, k}, 1, 1);
      Tensor<TestType> apart({m, page}), wanted({m, 70}), c({m, 70});
      for (int i = 0; i < m; ++i) std::copy_n(near.view().row(i), k, apart.view().row(i));
      Gemm<TestType> g{.b_transposed = true, .m = m, .n = 70, .k = k, .b = b.data(), .ldb = k, .ldc = 70};
      g.a = near.data(), g.lda = k, g.c = wanted.data();
      gemm(context, g);
      g.a = apart.data(), g.lda = page, g.c = c.data();
      gemm(context, g);
      CHECK(same_bits(c, wanted));
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

TEMPLATE_TEST_CASE("gemm with a packed matrix has the bits of gemm, with all that follows the product", "", float,
                   double) {
  const bool rounds = std::is_same_v<TestType, float> && has_bf16_products();
  // Of a row; of one tile and several, of rows and of columns; of one block of k and more; A packed and in place.
  for (const Size size :
       {Size{1, 40, 300}, {3, 70, 30}, {17, 129, 400}, {130, 33, 390}, {61, 1700, 40}, {200, 67, 1024}, {5, 9, 800}})
    for (const bool b_transposed : {false, true})
      for (const bool rounded : {false, true}) {
        if (rounded && !rounds) continue;
        for (const int threads : {1, 2}) {
          INFO(size.m << " x " << size.n << " x " << size.k << (b_transposed ? ", B transposed" : "")
                      << (rounded ? ", bf16" : ""));
          Runtime runtime(threads);
          Context context = runtime.context();
          context.gemm_precision = rounded ? GemmPrecision::bf16 : GemmPrecision::full;
          Product<TestType> product(size, false, b_transposed, threads == 2);
          Gemm<TestType> g = product.args;
          const Tensor<TestType> bias = random_tensor<TestType>({size.n}, 1, 4), before = product.c.clone();
          g.bias = bias.data();
          Tensor<TestType> memory({packed_elements<TestType>(size.k, size.n)}), nothing(product.b.shape());
          const PackedMatrix<TestType> packed =
              pack_matrix(context, g.b, g.ldb, b_transposed, size.k, size.n, memory.data());
          gemm(context, g);
          const Tensor<TestType> plain = product.c.clone();
          Tensor<TestType> activated = before.clone(), c = before.clone(), y = before.clone();
          g.c = activated.data();
          gemm_activated<TestType>(context, g, Activation::gelu, g.c);
          std::fill_n(nothing.data(), nothing.count(), std::numeric_limits<TestType>::quiet_NaN());
          g.b = nothing.data();  // is not read
          g.packed_b = &packed;
          g.c = c.data();
          gemm(context, g);
          CHECK(same_bits(c, plain));
          g.c = y.data();
          gemm_activated<TestType>(context, g, Activation::gelu, g.c);
          CHECK(same_bits(y, activated));
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
