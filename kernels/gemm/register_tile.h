#pragma once
// A tile of C in registers, and how a block of C is cut into tiles. Matrix products by packed panels after Goto and van
// de Geijn 2008 and BLIS.
//
// Every element of C is one chain of multiply-adds over a block of k after the other, first to last, whatever tile it
// is computed in: its bits depend on its row of A, its column of B and k alone.

#include "kernels/gemm/activated.h"
#include "kernels/gemm/prefetch.h"
#include "kernels/gemm/simd/simd.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <utility>

namespace ethreed::gemm_cpu {
namespace {  // for gemm_cpu.cpp alone: with external linkage GCC 12 keeps a sum of the largest tile in memory

using simd::lanes;
using simd::tile_rows;
using simd::Vector;

inline constexpr int wide_rows = tile_rows / 2 - 1;  // so few rows are computed in tiles of twice the width

constexpr int ceiling(int a, int b) { return (a + b - 1) / b; }
constexpr int up_to_multiple(int a, int b) { return ceiling(a, b) * b; }

// --- formats of the operands ---------------------------------------------------------------------------------------

/// Numbers as they are.
template <class T> struct Full {
  using Number = T;                        ///< of A, B and C in memory
  using Element = T;                       ///< of A and B in a matrix product
  static constexpr int per_element = 1;    ///< numbers along k in an element
  static constexpr bool as_stored = true;  ///< an element is a number in memory: operands can be read in place
  static constexpr bool in_unit = false;   ///< multiplied in AMX (matrix_unit.h), not in vectors
  /// Numbers along k after which a sum is stored to C and continued later. Bits depend on it, so that it is a constant
  /// and not the size of a cache that is found.
  static constexpr int block_k = 384;
};

#if defined(ETHREED_BF16)
/// Two numbers along k, rounded to bfloat16 (the nearest, ties to even), the first in the lower half.
struct Bf16Pairs {
  using Number = float;
  using Element = simd::Pair;
  static constexpr int per_element = 2;
  static constexpr bool as_stored = false;
  static constexpr bool in_unit = false;
  static constexpr int block_k = 768;  // as many elements as of Full
};
#endif

template <class F>
concept InUnit = F::in_unit;
template <class F>
concept InVectors = !F::in_unit;

/// So many blocks of k at a time: a tile of C, written after each, then stays in the first cache.
template <class F> constexpr int most_blocks = F::in_unit ? 1 : 2;

template <class F> constexpr int elements(int depth) { return ceiling(depth, F::per_element); }

// --- the tile in registers -----------------------------------------------------------------------------------------

/// Rows are distributed evenly over as few groups as possible: 17 are 9 and 8, not 14 and 3.
struct Groups {
  explicit Groups(int rows) : count(ceiling(rows, tile_rows)), size(rows / count), larger(rows % count) {}
  int count, size, larger;
  int rows(int group) const { return size + (group < larger ? 1 : 0); }
};

/// Where a tile of C goes.
template <class T> struct Target {
  T* c;
  std::ptrdiff_t row_step;
  std::ptrdiff_t column_step;
  bool add;
  const T* bias;
  Activation activation = Activation::none;
  T* y = nullptr;  ///< f(c), with the steps of C; null without f

  Target at(std::ptrdiff_t row, std::ptrdiff_t column) const {
    const std::ptrdiff_t to = row * row_step + column * column_step;
    return {c + to,
            row_step,
            column_step,
            add,
            bias != nullptr ? bias + column : nullptr,
            activation,
            y != nullptr ? y + to : nullptr};
  }
};

/// y = f(c) of rows that are done.
template <class T> void activate_rows(const Target<T>& to, int rows, int columns) {
  if (to.y == nullptr) return;
  for (std::ptrdiff_t i = 0; i < rows; ++i) {
    T* y = to.y + i * to.row_step;
    if (to.y != to.c) std::copy_n(to.c + i * to.row_step, columns, y);
    activate<T>(to.activation, y, columns);
  }
}

/// What is read of B: one or two vectors at `b` for every k, and in a wider tile one or two more at `second`; `step`
/// and `second_step` elements from one k to the next.
template <class T> struct Columns {
  const T* b;
  const T* second;
  std::ptrdiff_t step, second_step;
};

/// What is read of A: element (i, p) of a group of rows at its beginning + i·row_step + p·k_step. Rows that are packed
/// have a row_step of 1, rows in place a k_step of 1.
template <class T> struct Rows {
  const T* a;
  std::ptrdiff_t row_step, k_step;
  std::ptrdiff_t packed_group;  ///< elements from one packed group to the next; 0: not packed

  const T* at(int group, int row) const { return a + (packed_group > 0 ? group * packed_group : row * row_step); }
};

/// All that a tile needs. It is filled for a panel and changed from tile to tile, field by field: a copy, which the
/// compiler would load in wider pieces than were stored, has to wait for every store before it, C's among them.
template <class F> struct Tile {
  int depth;    ///< elements of F
  int columns;  ///< of C that exist
  Rows<typename F::Element> rows;
  Columns<typename F::Element> b;
  Target<typename F::Number> to;
  Prefetch<typename F::Number> prefetch;
  int prefetch_lines;  ///< so many for every chunk of k

  static constexpr int chunk = 16;
};

template <class T> void put(const Target<T>& to, std::ptrdiff_t i, int column, Vector<T> sum, int count) {
  constexpr int n = lanes<T>;
  T* c = to.c + i * to.row_step + column * to.column_step;
  if (to.column_step != 1) {
    T values[n];
    simd::store(values, sum);
    for (int j = 0; j < count; ++j) {
      T value = values[j];
      if (to.add) value += c[j * to.column_step];
      if (to.bias != nullptr) value += to.bias[column + j];
      c[j * to.column_step] = value;
    }
    return;
  }
  if (count == n) {
    if (to.add) sum += simd::load(c);
    if (to.bias != nullptr) sum += simd::load(to.bias + column);
    simd::store(c, sum);
  } else {
    if (to.add) sum += simd::load_first(c, count);
    if (to.bias != nullptr) sum += simd::load_first(to.bias + column, count);
    simd::store_first(c, sum, count);
  }
}

/// Whether the two multiply-adds of an element of A have it as a broadcast memory operand each, instead of one
/// broadcast load for both. That is one instruction less and one load more: done for all rows, loads become the limit.
/// Of rows that are not packed it is done for those whose address needs no sum.
constexpr bool broadcast_twice(int row, bool along_k) { return row % (along_k ? 3 : 2) == 0; }

/// rows × (vectors · lanes) elements of C, of which tile.columns columns exist. along_k: k_step is 1, else row_step is.
template <class F, int rows, int vectors, bool along_k> [[gnu::noinline]] void tile_kernel(Tile<F>& tile) {
  using T = typename F::Number;
  using Element = typename F::Element;
  constexpr int n = lanes<T>;
  Vector<T> sum[rows][vectors];
#pragma GCC unroll 16
  for (int i = 0; i < rows; ++i)
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) sum[i][v] = Vector<T>{};
  // Of rows that are not packed every third has a pointer; addressing modes reach the others.
  constexpr int pointers = along_k ? (rows + 2) / 3 : 1;
  const std::ptrdiff_t row_step = tile.rows.row_step, k_step = along_k ? 1 : tile.rows.k_step;
  const Element* a[pointers];
  for (int i = 0; i < pointers; ++i) a[i] = tile.rows.a + 3 * i * row_step;
  const Element* b = tile.b.b;
  [[maybe_unused]] const Element* second = tile.b.second;
  const std::ptrdiff_t b_step = tile.b.step;
  const int depth = tile.depth;
  // The lines of C are prefetched while the sums are computed.
  if (tile.to.column_step == 1)
#pragma GCC unroll 16
    for (int i = 0; i < rows; ++i) {
      const T* c = tile.to.c + i * tile.to.row_step;
#pragma GCC unroll 5
      for (int v = 0; v < vectors; ++v) __builtin_prefetch(c + v * n, 1);
      __builtin_prefetch(c + tile.columns - 1, 1);
    }
  const auto multiply = [&](int count) __attribute__((always_inline)) {  // the next `count` k
#pragma GCC unroll 4
    for (int q = 0; q < count; ++q) {
      Vector<Element> line[vectors];
#pragma GCC unroll 4
      for (int v = 0; v < vectors; ++v) line[v] = simd::load(v < 2 ? b + v * n : second + (v - 2) * n);
#pragma GCC unroll 16
      for (int i = 0; i < rows; ++i) {
        const Element* factor = (along_k ? &a[i / 3][i % 3 * row_step] : &a[0][i]) + q * k_step;
        if (vectors == 2 && broadcast_twice(i, along_k)) {  // both by name: in a loop GCC 12 keeps some sums in memory
          sum[i][0] = simd::multiply_add_broadcast(sum[i][0], line[0], factor);
          sum[i][1] = simd::multiply_add_broadcast(sum[i][1], line[1], factor);
        } else {
#pragma GCC unroll 4
          for (int v = 0; v < vectors; ++v) simd::multiply_add(sum[i][v], line[v], *factor);
        }
      }
      b += b_step;
      if constexpr (vectors > 2) second += b_step;  // four wide: second_step is the same
    }
#pragma GCC unroll 5
    for (int i = 0; i < pointers; ++i) a[i] += count * k_step;
  };
  constexpr int unrolled = along_k ? 2 : 1;  // advancing many pointers takes as long as a row
  for (int p = 0; p < depth;) {
    tile.prefetch.fetch(tile.prefetch_lines);
    const int end = std::min(depth, p + Tile<F>::chunk);
    for (; p + unrolled <= end; p += unrolled) multiply(unrolled);
    for (; p < end; ++p) multiply(1);
  }
  const Target<T>& to = tile.to;
  if (tile.columns == vectors * n && to.column_step == 1 && to.y == nullptr) {
#pragma GCC unroll 16
    for (int i = 0; i < rows; ++i)
#pragma GCC unroll 4
      for (int v = 0; v < vectors; ++v) {
        T* c = to.c + i * to.row_step + v * n;
        Vector<T> value = sum[i][v];
        if (to.add) value += simd::load(c);
        if (to.bias != nullptr) value += simd::load(to.bias + v * n);
        simd::store(c, value);
      }
    return;
  }
  // By way of memory: sums that live on while put() is called, GCC 12 for Arm keeps in memory in the loops above, too.
  alignas(64) T sums[rows * vectors * n];
#pragma GCC unroll 16
  for (int i = 0; i < rows; ++i)
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) simd::store<T>(sums + (i * vectors + v) * n, sum[i][v]);
  if (to.y != nullptr)
    return store_activated<T>(to.activation,
                              {sums, rows, vectors * n, tile.columns, to.add, to.bias, to.c, to.y, to.row_step});
  for (int i = 0; i < rows; ++i)
    for (int v = 0; v < vectors && tile.columns > v * n; ++v)
      put<T>(to, i, v * n, simd::load<T>(sums + (i * vectors + v) * n), std::min(n, tile.columns - v * n));
}

template <class F> using TileKernel = void (*)(Tile<F>&);

template <class F, int vectors, bool along_k, int... less_one>
constexpr std::array<TileKernel<F>, sizeof...(less_one)> kernels_of(std::integer_sequence<int, less_one...>) {
  return {tile_kernel<F, less_one + 1, vectors, along_k>...};
}
template <class F, bool along_k> TileKernel<F> kernel(int rows, int vectors) {
  static constexpr auto one = kernels_of<F, 1, along_k>(std::make_integer_sequence<int, tile_rows>());
  static constexpr auto two = kernels_of<F, 2, along_k>(std::make_integer_sequence<int, tile_rows>());
  static constexpr auto four = kernels_of<F, 4, along_k>(std::make_integer_sequence<int, wide_rows>());
  const auto i = static_cast<std::size_t>(rows - 1);
  return vectors == 1 ? one[i] : vectors == 2 ? two[i] : four[i];
}
template <class F> TileKernel<F> kernel(int rows, int vectors, bool along_k) {
  return along_k ? kernel<F, true>(rows, vectors) : kernel<F, false>(rows, vectors);
}

/// What is read of A in a block of k, and how many elements of F deep the block is.
template <class F> struct Block {
  int depth;
  Rows<typename F::Element> a;
};

/// `to` of blocks [first, first + count) of `of` that follow each other: later ones add, and the last one finishes.
template <class T> Target<T> target_of_blocks(const Target<T>& to, int first, int count, int of) {
  Target<T> part = to;
  part.add = to.add || first > 0;
  if (first + count < of) {
    part.bias = nullptr;
    part.y = nullptr;
  }
  return part;
}

/// C [m, n] of so many blocks of k that follow each other, at most most_blocks<F>: every panel of B by every group of
/// rows of A, while the panel is in the core's cache; a tile of C by one block after the other, while the tile is.
/// panel(j, columns, block) gives the columns of B from j on: four vectors, two, or one; prefetch(j, columns) says what
/// to prefetch while they are multiplied.
template <InVectors F, class Panel, class Source>
void multiply_blocks(int m, int n, std::span<const Block<F>> blocks, const Target<typename F::Number>& to,
                     Panel&& panel, Source&& prefetch) {
  constexpr int width = lanes<typename F::Number>;
  const Groups groups(m);
  const bool wide = m <= wide_rows;
  const int count = static_cast<int>(blocks.size());
  int chunks = 0;
  for (const Block<F>& block : blocks) chunks += ceiling(block.depth, Tile<F>::chunk);
  Tile<F> tile{.to = to};
  for (int j = 0; j < n; j += tile.columns) {
    const int left = n - j;
    const int vectors = wide && left >= 4 * width ? 4 : left > width ? 2 : 1;
    tile.columns = std::min(left, vectors * width);
    std::array<Columns<typename F::Element>, most_blocks<F>> b;
    for (int q = 0; q < count; ++q) b[static_cast<std::size_t>(q)] = panel(j, tile.columns, q);
    tile.prefetch = prefetch(j, tile.columns);
    tile.prefetch_lines = ceiling(tile.prefetch.lines(), groups.count * chunks);
    for (int g = 0, row = 0; g < groups.count; row += groups.rows(g), ++g) {
      const std::ptrdiff_t at = row * to.row_step + j * to.column_step;
      tile.to.c = to.c + at;
      for (int q = 0; q < count; ++q) {
        const Rows<typename F::Element>& a = blocks[static_cast<std::size_t>(q)].a;
        tile.depth = blocks[static_cast<std::size_t>(q)].depth;
        tile.rows.a = a.at(g, row);
        tile.rows.row_step = a.row_step;
        tile.rows.k_step = a.k_step;
        tile.b = b[static_cast<std::size_t>(q)];
        tile.to.add = to.add || q > 0;
        tile.to.bias = to.bias != nullptr && q + 1 == count ? to.bias + j : nullptr;
        tile.to.y = to.y != nullptr && q + 1 == count ? to.y + at : nullptr;
        kernel<F>(groups.rows(g), vectors, a.k_step == 1)(tile);
      }
    }
  }
}

/// The same with the loops exchanged: every group of rows of A by every panel of B, all of which must be in the cache.
/// C is written along its rows, because writing C is what takes long for few k.
template <InVectors F, class Panel>
void multiply_by_rows(int m, int n, int depth, const Rows<typename F::Element>& a, const Target<typename F::Number>& to,
                      Panel&& panel) {
  constexpr int width = lanes<typename F::Number>;
  const Groups groups(m);
  Tile<F> tile{.depth = depth, .rows = a, .to = to};
  for (int g = 0, row = 0; g < groups.count; row += groups.rows(g), ++g) {
    tile.rows.a = a.at(g, row);
    for (int j = 0; j < n; j += tile.columns) {
      tile.columns = std::min(n - j, 2 * width);
      tile.b = panel(j, tile.columns);
      tile.to.bias = to.bias == nullptr ? nullptr : to.bias + j;
      const std::ptrdiff_t at = row * to.row_step + j * to.column_step;
      tile.to.c = to.c + at;
      tile.to.y = to.y != nullptr ? to.y + at : nullptr;
      kernel<F>(groups.rows(g), tile.columns > width ? 2 : 1, a.k_step == 1)(tile);
    }
  }
}

}  // namespace
}  // namespace ethreed::gemm_cpu
