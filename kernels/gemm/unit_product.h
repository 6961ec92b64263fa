#pragma once
// Matrix products in AMX: pieces of C in its registers, and how a block of C is cut into them.
//
// Over a block of k every element of C is a chain of what the instruction adds to it, 32 terms at a time, whatever
// piece it falls into.

#include "kernels/gemm/unit_packing.h"

namespace ethreed::gemm_cpu {
namespace {

#if defined(ETHREED_BF16)

/// A row of C, in pieces that end where a cache line does: a vector across two lines that are not in the cache takes
/// longer to store than two within one each.
inline void put_row(const Target<float>& to, std::ptrdiff_t row, const float* values, int columns) {
  constexpr int n = lanes<float>;
  if (to.column_step != 1) {
    for (int j = 0; j < columns; j += n) put(to.at(0, j), row, 0, simd::load(values + j), std::min(n, columns - j));
    return;
  }
  float* c = to.c + row * to.row_step;
  const int before = static_cast<int>(reinterpret_cast<std::uintptr_t>(c) / sizeof(float) % n);
  for (int j = 0, end = n - before; j < columns; j = end, end += n) {
    const int count = std::min(end, columns) - j;
    Vector<float> sum = simd::load_first(values + j, count);
    if (to.add) sum += simd::load_first(c + j, count);
    if (to.bias != nullptr) sum += simd::load_first(to.bias + j, count);
    simd::store_first(c + j, sum, count);
  }
  activate_rows(to.at(row, 0), 1, columns);
}

/// A buffer for sums that were stored from the registers. They are written to C row by row while AMX computes the next
/// ones: meanwhile the rest of the core is idle, and lines of C are not in the cache.
class DelayedStore {
 public:
  static constexpr int most_rows = 2 * unit_rows;

  /// Writes the next rows.
  [[gnu::always_inline]] void put(int count) {
    for (; count > 0 && row_ < rows_; --count, ++row_) put_row(to_, row_, values_ + row_ * width_, columns_);
  }
  /// Writes the rows that remain, and takes the registers from 0 on: `columns` of them next to each other, and one or
  /// two groups of rows.
  template <int groups, int columns, class Unit>
  void take(Unit& unit, const Target<float>& to, int rows_of_group, int rows, int columns_of_c) {
    put(rows_);
    to_ = to;
    row_ = 0;
    rows_ = rows;
    columns_ = columns_of_c;
    width_ = columns * unit_columns;
    [&]<int... r>(std::integer_sequence<int, r...>) {
      (..., unit.template store<r>(values_ + r / columns * rows_of_group * width_ + r % columns * unit_columns,
                                   static_cast<std::ptrdiff_t>(sizeof(float)) * width_));
    }
    (std::make_integer_sequence<int, groups * columns>());
  }

 private:
  alignas(64) float values_[4 * unit_rows * unit_columns];
  Target<float> to_{};
  int row_ = 0, rows_ = 0, columns_ = 0, width_ = 0;
};

/// What the pieces of a panel share.
struct PanelOfC {
  int depth;    ///< tiles of k
  int columns;  ///< of C that exist
  Columns<PackedTile> b;
  Target<float> to;
  Prefetch<float> prefetch;
  int prefetch_lines;  ///< so many for every tile of k
  int delayed_rows;    ///< likewise
  DelayedStore& delayed;
};

/// The lines of C are prefetched while the sums are computed.
inline void fetch_rows(const Target<float>& to, int rows, int columns) {
  if (to.column_step != 1) return;
  for (int i = 0; i < rows; ++i) {
    const float* c = to.c + i * to.row_step;
    for (int j = 0; j < columns; j += unit_columns) __builtin_prefetch(c + j, 1);
    __builtin_prefetch(c + columns - 1, 1);
  }
}

template <int r, class Unit> [[gnu::always_inline]] inline void load_register(Unit& unit, const PackedTile& from) {
  unit.template load<r>(from.pairs, sizeof(simd::Pair) * unit_columns);
}

/// One or two groups of rows by one to four registers of columns, four registers at most. Registers: from 0 on of C,
/// row by row; 4 and 5 of A; 6 and 7 of B, alternating.
template <int groups, int columns, class Unit>
void multiply_piece(Unit& unit, PanelOfC& panel, const PackedTile* upper, int rows_of_group, int first, int rows) {
  const Target<float> to = panel.to.at(first, 0);
  fetch_rows(to, rows, panel.columns);
  const auto each_column = [](auto&& body) {
    [&]<int... c>(std::integer_sequence<int, c...>) { (..., body(std::integral_constant<int, c>())); }
    (std::make_integer_sequence<int, columns>());
  };
  [&]<int... r>(std::integer_sequence<int, r...>) { (..., unit.template zero<r>()); }
  (std::make_integer_sequence<int, groups * columns>());
  const PackedTile* lower = upper + panel.depth;
  const PackedTile* b = panel.b.b;
  const PackedTile* second = panel.b.second;
  for (int q = 0; q < panel.depth; ++q, ++upper, ++lower, b += panel.b.step, second += panel.b.second_step) {
    load_register<4>(unit, *upper);
    if constexpr (groups > 1) load_register<5>(unit, *lower);
    each_column([&]<int c>(std::integral_constant<int, c>) {
      constexpr int of_b = 6 + c % 2;
      load_register<of_b>(unit, c < 2 ? b[c] : second[c - 2]);
      unit.template multiply_add<c, 4, of_b>();
      if constexpr (groups > 1) unit.template multiply_add<columns + c, 5, of_b>();
    });
    panel.prefetch.fetch(panel.prefetch_lines);
    panel.delayed.put(panel.delayed_rows);
  }
  panel.delayed.take<groups, columns>(unit, to, rows_of_group, rows, panel.columns);
}

/// C [m, n] of one block of k, as multiply_blocks(): every panel of B by every group of rows of A, two groups at a
/// time; if there is but one, two panels at a time.
template <class Unit, class Panel, class Source>
void multiply_block_in_unit(int m, int n, int depth, const PackedTile* a, const Target<float>& to, Panel&& panel_at,
                            Source&& prefetch) {
  const UnitGroups groups(m);
  const auto rows = static_cast<std::uint8_t>(groups.rows);
  Unit unit({rows, rows, rows, rows, rows, rows, unit_rows, unit_rows});
  DelayedStore delayed;
  PanelOfC panel{.depth = depth,
                 .columns = 0,
                 .b = {},
                 .to = to,
                 .prefetch = {},
                 .prefetch_lines = 0,
                 .delayed_rows = ceiling(DelayedStore::most_rows, depth),
                 .delayed = delayed};
  constexpr int width = panel_columns<float>;
  for (int j = 0; j < n; j += panel.columns) {
    panel.columns = std::min(n - j, groups.count == 1 ? 2 * width : width);
    panel.b = panel_at(j, panel.columns);
    panel.to = to.at(0, j);
    panel.prefetch = prefetch(j, panel.columns);
    panel.prefetch_lines = ceiling(panel.prefetch.lines(), ceiling(groups.count, 2) * depth);
    const auto registers = static_cast<std::size_t>(ceiling(panel.columns, unit_columns) - 1);
    static constexpr std::array single{multiply_piece<1, 1, Unit>, multiply_piece<1, 2, Unit>,
                                       multiply_piece<1, 3, Unit>, multiply_piece<1, 4, Unit>};
    static constexpr std::array pair{multiply_piece<2, 1, Unit>, multiply_piece<2, 2, Unit>};
    for (int g = 0; g < groups.count; g += 2) {
      const int first = groups.begin(g), count = std::min(2 * groups.rows, m - first);
      const auto multiply = g + 1 < groups.count ? pair[registers] : single[registers];
      multiply(unit, panel, a + std::ptrdiff_t{g} * depth, groups.rows, first, count);
    }
  }
  delayed.put(DelayedStore::most_rows);
}

#endif

#if defined(ETHREED_AMX)

/// multiply_blocks() in AMX: a block at a time.
template <InUnit F, class Panel, class Source>
void multiply_blocks(int m, int n, std::span<const Block<F>> blocks, const Target<float>& to, Panel&& panel,
                     Source&& prefetch) {
  static_assert(most_blocks<F> == 1);
  multiply_block_in_unit<AmxUnit>(
      m, n, blocks[0].depth, blocks[0].a.a, to, [&](int j, int columns) { return panel(j, columns, 0); }, prefetch);
}

#endif

}  // namespace
}  // namespace ethreed::gemm_cpu
