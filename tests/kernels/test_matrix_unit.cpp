// Matrix products in the matrix unit: the instruction against plain loops, and everything around it with either of the
// two.

#include "kernels/common/operation.h"
#include "kernels/gemm/unit_product.h"

#include <fmt/format.h>
#include <catch2/catch.hpp>

#include <cstring>
#include <vector>

using namespace ethreed;
using namespace ethreed::gemm_cpu;

#if !defined(ETHREED_BF16)

TEST_CASE("a processor without numbers of bfloat16 has no matrix unit for them") {
  fmt::print("matrix unit: not run: this build has no numbers of bfloat16\n");
  CHECK_FALSE(has_matrix_unit(Cpu{}));
}

#else

namespace {

/// To the nearest number of bfloat16, ties to even.
float rounded(float x) {
  auto bits = std::bit_cast<std::uint32_t>(x);
  bits += 0x7fff + (bits >> 16 & 1);
  return std::bit_cast<float>(bits & 0xffff0000U);
}

struct Shape3 {
  int m, n, k;
};

/// Operands with room between their rows, and C with a margin that must stay as it is.
struct Operands {
  Operands(Shape3 s, bool a_transposed, bool b_transposed)
      : shape(s),
        a(random_tensor<float>({a_transposed ? s.k : s.m, (a_transposed ? s.m : s.k) + 3}, 1, 1)),
        b(random_tensor<float>({b_transposed ? s.n : s.k, (b_transposed ? s.k : s.n) + 5}, 1, 2)),
        c(random_tensor<float>({s.m, s.n + 2}, 1, 3)),
        bias(random_tensor<float>({s.n}, 1, 4)),
        rows{a.data(), a.columns(), !a_transposed, s.m},
        columns{b.data(), b.columns(), b_transposed, s.n} {}

  /// Packs A and B, and multiplies with this unit.
  template <class Unit> void multiply(bool add, bool with_bias) {
    const int depth = elements<Bf16Tiles>(shape.k);
    // What is not written by the packing is not a number.
    const std::size_t of_a = static_cast<std::size_t>(UnitGroups(shape.m).count * depth);
    const std::size_t of_b = static_cast<std::size_t>(ceiling(shape.n, unit_columns) * depth);
    std::vector<PackedTile> packed_a(of_a), packed_b(of_b);
    std::memset(packed_a.data(), 0xff, of_a * sizeof(PackedTile));
    std::memset(packed_b.data(), 0xff, of_b * sizeof(PackedTile));
    pack_rows<Bf16Tiles>(rows, 0, shape.m, 0, shape.k, packed_a.data());
    pack_columns<Bf16Tiles>(columns, 0, shape.n, 0, shape.k, packed_b.data());
    const Target<float> to{c.data(), c.columns(), 1, add, with_bias ? bias.data() : nullptr};
    multiply_block_in_unit<Unit>(
        shape.m, shape.n, depth, packed_a.data(), to,
        [&](int column, int count) -> Columns<PackedTile> {
          const PackedTile* panel = packed_b.data() + std::ptrdiff_t{column / unit_columns} * depth;
          const int tiles = ceiling(count, unit_columns);
          return {panel, panel + std::ptrdiff_t{2} * depth, std::min(tiles, 2), std::max(tiles - 2, 0)};
        },
        [&](int column, int count) {
          return columns.prefetch(column + count, std::min(shape.n - column - count, count), 0, shape.k);
        });
  }

  double textbook(const Tensor<float>& before, int i, int j, bool add, bool with_bias) const {
    double sum = add ? static_cast<double>(before[i * c.columns() + j]) : 0;
    for (int p = 0; p < shape.k; ++p)
      sum += static_cast<double>(rounded(*rows.at(i, p))) * static_cast<double>(rounded(*columns.at(j, p)));
    return with_bias ? sum + static_cast<double>(bias[j]) : sum;
  }

  Shape3 shape;
  Tensor<float> a, b, c, bias;
  gemm_cpu::Operand<float> rows, columns;
};

/// Around the edges of registers, groups of rows, panels and tiles of k.
const Shape3 shapes[] = {{1, 1, 1},    {1, 65, 33},  {7, 16, 32},   {8, 48, 31},   {9, 100, 64},  {15, 17, 3},
                         {16, 64, 65}, {16, 63, 96}, {17, 33, 40},  {31, 15, 100}, {32, 32, 32},  {33, 31, 33},
                         {34, 45, 66}, {47, 1, 70},  {48, 129, 97}, {49, 20, 384}, {100, 33, 300}};

template <class Unit> void hold_against_textbook() {
  int variant = 0;
  for (const Shape3 shape : shapes)
    for (const bool a_transposed : {false, true})
      for (const bool b_transposed : {false, true}) {
        const bool add = ++variant % 3 == 0, with_bias = variant % 4 == 0;
        INFO(shape.m << " x " << shape.n << " x " << shape.k << (a_transposed ? ", A transposed" : "")
                     << (b_transposed ? ", B transposed" : "") << (add ? ", adding" : "")
                     << (with_bias ? ", bias" : ""));
        Operands block(shape, a_transposed, b_transposed);
        const Tensor<float> before = block.c.clone();
        block.multiply<Unit>(add, with_bias);
        const double bound = 16 * std::sqrt(1.0 + shape.k) * static_cast<double>(std::numeric_limits<float>::epsilon());
        for (int i = 0; i < shape.m; ++i) {
          for (int j = 0; j < shape.n; ++j) {
            const double wanted = block.textbook(before, i, j, add, with_bias);
            const auto got = static_cast<double>(block.c[i * block.c.columns() + j]);
            if (!(std::abs(got - wanted) <= bound * std::max(1.0, std::abs(wanted))))
              FAIL("C[" << i << ", " << j << "] is " << got << ", the three loops say " << wanted);
          }
          for (std::int64_t j = shape.n; j < block.c.columns(); ++j)
            REQUIRE(block.c[i * block.c.columns() + j] == before[i * block.c.columns() + j]);
        }
      }
}

bool unit_is_here() {
  if (!has_matrix_unit(Cpu{})) fmt::print("matrix unit: not run: this process has none (AMX)\n");
  return has_matrix_unit(Cpu{});
}

}  // namespace

TEST_CASE("blocks multiplied by plain loops in place of the matrix unit equal the textbook's, in all orientations") {
  hold_against_textbook<PlainUnit>();
}

#if defined(ETHREED_AMX)

TEST_CASE("blocks multiplied in the matrix unit equal the textbook's, in all orientations") {
  if (unit_is_here()) hold_against_textbook<AmxUnit>();
}

TEST_CASE("the matrix unit has the bits of plain loops, of tiny and of huge numbers, too") {
  if (!unit_is_here()) return;
  for (const float scale : {1.0F, 1e-19F, 1e-30F, 1e18F})
    for (const Shape3 shape : shapes) {
      INFO(shape.m << " x " << shape.n << " x " << shape.k << " of size " << scale);
      Operands in_unit(shape, false, true), in_loops(shape, false, true);
      for (Operands* block : {&in_unit, &in_loops})
        for (Tensor<float>* operand : {&block->a, &block->b})
          for (float& x : operand->span()) x *= scale;
      in_unit.multiply<AmxUnit>(false, false);
      in_loops.multiply<PlainUnit>(false, false);
      REQUIRE(std::memcmp(in_unit.c.data(), in_loops.c.data(), sizeof(float) * in_unit.c.count()) == 0);
    }
}

#else

TEST_CASE("a program for a processor without AMX has no matrix unit") {
  fmt::print("matrix unit: not run: this build has none (AMX)\n");
  CHECK_FALSE(unit_is_here());
}

#endif

#endif
