// Matrix products of bfloat16 against the textbook's three loops of rounded operands.

#include "kernels/gemm/packed_gemm.h"
#include "tests/kernels/gemm_product.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <optional>

using namespace ethreed;
using namespace ethreed::test;
using Catch::Matchers::Contains;

namespace {

bool bf16_is_here() {
  if (!has_bf16_products()) fmt::print("bf16: not run: this build has no products of bfloat16\n");
  return has_bf16_products();
}

}  // namespace

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
