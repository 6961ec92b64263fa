#pragma once
// Operands of AMX: numbers rounded to bfloat16, in the order of its registers.

#include "kernels/gemm/matrix_unit.h"
#include "kernels/gemm/panel_packing.h"

namespace ethreed::gemm_cpu {
namespace {

#if defined(ETHREED_BF16)

/// What a register holds of an operand: 16 rows of A by 32 numbers along k, a row a row; or of B 16 pairs along k by 16
/// columns. Pairs as in Bf16Pairs; a missing number along k is 0.
struct alignas(64) PackedTile {
  simd::Pair pairs[unit_rows * unit_columns];
};

/// The same numbers as those of Bf16Pairs, for AMX.
struct Bf16Tiles {
  using Number = float;
  using Element = PackedTile;
  static constexpr int per_element = 2 * unit_columns;
  static constexpr bool as_stored = false;
  static constexpr bool in_unit = true;
  static constexpr int block_k = 384;
};

/// 16 vectors of pairs: of a line each if `along`, else each of the next two k of all lines.
template <bool along>
[[gnu::always_inline]] inline void round_tile(const float* from, std::ptrdiff_t ld, int lines, int depth,
                                              PackedTile& to) {
  constexpr int n = lanes<float>;
  static_assert(n == unit_columns);
  for (int i = 0; i < n; ++i) {
    Vector<float> first{}, second{};
    if constexpr (along) {
      if (i < lines) {
        first = simd::load_first(from + i * ld, std::min(depth, n));
        second = simd::load_first(from + i * ld + n, std::max(0, depth - n));
      }
    } else {
      if (2 * i < depth) first = simd::load_first(from + 2 * i * ld, lines);
      if (2 * i + 1 < depth) second = simd::load_first(from + (2 * i + 1) * ld, lines);
    }
    simd::store(to.pairs + i * n, along ? simd::pairs_along(first, second) : simd::pairs_across(first, second));
  }
}

/// 16 lines and 32 k of an operand whose lines lie along k if `along`, as A is packed if `rows`, else as B is.
template <bool along, bool rows>
[[gnu::noinline]] void pack_tile(const float* from, std::ptrdiff_t ld, int lines, int depth, PackedTile& to) {
  if constexpr (along == rows) {
    if (lines >= unit_rows && depth >= 2 * unit_columns)
      round_tile<along>(from, ld, unit_rows, 2 * unit_columns, to);
    else
      round_tile<along>(from, ld, std::min(lines, unit_rows), std::min(depth, 2 * unit_columns), to);
  } else {
    PackedTile turned;
    pack_tile<along, along>(from, ld, lines, depth, turned);
    simd::transpose_square(turned.pairs, to.pairs, unit_columns);
  }
}
/// Lines from `line` on, k from p on.
template <bool rows> void pack_tile(const Operand<float>& operand, int line, int p, int depth, PackedTile& to) {
  (operand.along_k ? pack_tile<true, rows> : pack_tile<false, rows>)(operand.at(line, p), operand.ld,
                                                                     operand.lines - line, depth, to);
}

/// Rows of A are distributed evenly over as few registers as possible; only the last may have less.
struct UnitGroups {
  explicit UnitGroups(int m) : count(ceiling(m, unit_rows)), rows(ceiling(m, count)) {}
  int count, rows;
  int begin(int group) const { return group * rows; }
};

/// Group after group, k after k. A tile has 16 rows, whatever part of them belongs to its group.
template <InUnit F> void pack_rows(const Operand<float>& a, int row, int count, int p, int depth, PackedTile* to) {
  const UnitGroups groups(count);
  for (int g = 0; g < groups.count; ++g)
    for (int q = 0; q < depth; q += F::per_element) pack_tile<true>(a, row + groups.begin(g), p + q, depth - q, *to++);
}

/// Panels of panel_columns columns, the last as wide as it must be. Panel after panel, k after k, column after column.
template <InUnit F>
void pack_columns(const Operand<float>& b, int column, int columns, int p, int depth, PackedTile* to) {
  for (int j = 0; j < columns; j += panel_columns<float>)
    for (int q = 0; q < depth; q += F::per_element)
      for (int i = j; i < std::min(columns, j + panel_columns<float>); i += unit_columns)
        pack_tile<false>(b, column + i, p + q, depth - q, *to++);
}

#endif

}  // namespace
}  // namespace ethreed::gemm_cpu
