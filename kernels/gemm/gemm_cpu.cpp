// Products by packed panels and a tile of C in registers, after Goto and van de Geijn 2008 and BLIS.
//
// Every element of C is one chain of multiply-adds over a block of k after the other, first to last, whatever tile it
// is computed in: its bits depend on its row of A, its column of B and k alone. (Products with a vector, n = 1, have
// their own order, again by k alone.)
#include "kernels/gemm/gemm.h"
#include "kernels/gemm/packed_gemm.h"
#include "kernels/gemm/simd.h"

#include <algorithm>
#include <array>

namespace ethreed {

namespace {

using simd::lanes;
using simd::tile_rows;
using simd::Vector;

// Constants, not the sizes of caches that are found: bits depend on block_k.
constexpr int block_k = 384;                  // a sum is interrupted, and kept in C, after so many products
constexpr int wide_rows = tile_rows / 2 - 1;  // so few rows are computed in tiles of twice the width

template <class T> inline constexpr int panel_columns = 2 * lanes<T>;
// Rows of B that are so near each other, 4 KiB, are read where they are as fast as from a packed panel.
template <class T> inline constexpr int near = 4096 / sizeof(T);
// Elements from one k to the next in a packed group of rows of A.
template <class T> inline constexpr int group_step = (tile_rows + lanes<T> - 1) / lanes<T>* lanes<T>;

constexpr int ceiling(int a, int b) { return (a + b - 1) / b; }
constexpr int up_to_multiple(int a, int b) { return ceiling(a, b) * b; }

/// Packing buffers of a thread: the rows of a tile, 640 KiB, and two panels of columns, with AVX-512 96 KiB.
template <class T> struct Buffers {
  alignas(64) T a[(640 << 10) / sizeof(T)];
  alignas(64) T b[2 * panel_columns<T> * block_k];
};
/// So many rows of a block of k fit.
template <class T> constexpr int most_rows(int depth) {
  return static_cast<int>(sizeof(Buffers<T>::a) / sizeof(T)) / (group_step<T> * depth) * tile_rows;
}
template <class T> Buffers<T>& buffers() {
  static thread_local Buffers<T> own;
  return own;
}

// --- what comes next -----------------------------------------------------------------------------------------------

/// Memory that the next panels are made of, on its way into the cache while a panel is multiplied: it comes from far
/// away in rows too short for the processor to guess.
template <class T> class Ahead {
 public:
  static constexpr int line = 64 / sizeof(T);  ///< elements of a line of the cache

  Ahead() = default;  ///< nothing
  /// `rows` rows of `length` elements.
  Ahead(const T* from, std::ptrdiff_t ld, int rows, int length)
      : row_(from), at_(from), ld_(ld), rows_(rows), length_(length), left_(length) {}

  int lines() const { return rows_ * ceiling(length_, line); }
  [[gnu::always_inline]] void fetch(int count) {
    for (; count > 0 && rows_ > 0; --count) {
      __builtin_prefetch(at_);
      at_ += line;
      left_ -= line;
      if (left_ > 0) continue;
      at_ = row_ += ld_;
      left_ = length_;
      --rows_;
    }
  }

 private:
  const T* row_ = nullptr;
  const T* at_ = nullptr;
  std::ptrdiff_t ld_ = 0;
  int rows_ = 0, length_ = 0, left_ = 0;
};

// --- packing -------------------------------------------------------------------------------------------------------

// `lines` rows of A or columns of B can be read. Lines beyond the wanted ones, up to a whole vector, may be packed as
// well: what is multiplied by them is never stored.

/// A square of which only some lines, or less than a vector of k, are there.
template <class T>
[[gnu::noinline]] void pack_part_of_square(const T* from, std::ptrdiff_t ld, int lines, int depth, T* to,
                                           std::ptrdiff_t width) {
  constexpr int n = lanes<T>;
  alignas(64) T square[n * n];
  for (int i = 0; i < n; ++i)
    simd::store(square + i * n, i < lines ? simd::load_first(from + i * ld, depth) : Vector<T>{});
  if (depth == n) return simd::transpose_square(square, n, to, width);
  alignas(64) T transposed[n * n];
  simd::transpose_square(square, n, transposed, n);
  for (int p = 0; p < depth; ++p) simd::store(to + p * width, simd::load(transposed + p * n));
}

/// to[p·width + j] = from[j·ld + p] for j < width, a multiple of a vector; zero where there is no line. The last square
/// of a line overlaps the one before.
template <class T, int width>
[[gnu::noinline]] void pack_transposed(const T* from, std::ptrdiff_t ld, int lines, int depth, T* to) {
  constexpr int n = lanes<T>;
  for (int j = 0; j < width; j += n) {
    const int present = std::clamp(lines - j, 0, n);
    for (int p = 0; p < depth; p += n) {
      const int first = std::max(0, std::min(p, depth - n));
      const T* square = from + j * ld + first;
      T* out = to + std::ptrdiff_t{first} * width + j;
      if (present == n && depth >= n)
        simd::transpose_square(square, ld, out, width);
      else
        pack_part_of_square(square, ld, present, std::min(n, depth), out, width);
    }
  }
}

/// to[p·width + j] = from[p·ld + j], the same otherwise.
template <class T, int width>
[[gnu::noinline]] void pack_straight(const T* from, std::ptrdiff_t ld, int lines, int depth, T* to) {
  constexpr int n = lanes<T>;
  for (int j = 0; j < width; j += n) {
    const int present = std::clamp(lines - j, 0, n);
    const T* at = from + j;
    T* out = to + j;
    if (present == n)
      for (int p = 0; p < depth; ++p, at += ld, out += width) simd::store(out, simd::load(at));
    else
      for (int p = 0; p < depth; ++p, at += ld, out += width) simd::store(out, simd::load_first(at, present));
  }
}

template <class T> struct Operand {
  const T* data;
  std::ptrdiff_t ld;
  bool along_k;  // elements of one row of A, or one column of B, lie side by side
  int lines;     // rows of A, columns of B

  const T* at(std::ptrdiff_t line, std::ptrdiff_t p) const {
    return along_k ? data + line * ld + p : data + p * ld + line;
  }
  template <int width> void pack(int line, int p, int depth, T* to) const {
    if (along_k)
      pack_transposed<T, width>(at(line, p), ld, lines - line, depth, to);
    else
      pack_straight<T, width>(at(line, p), ld, lines - line, depth, to);
  }
  Ahead<T> ahead(int line, int count, int p, int depth) const { return {at(line, p), ld, count, depth}; }
};

/// Rows are shared out evenly among as few groups as can be: 17 are 9 and 8, not 14 and 3.
struct Groups {
  explicit Groups(int rows) : count(ceiling(rows, tile_rows)), size(rows / count), larger(rows % count) {}
  int count, size, larger;
  int rows(int group) const { return size + (group < larger ? 1 : 0); }
};

/// Rows of A whose elements do not lie along k, a few k of all rows at a time: they are near each other.
template <class T> void pack_rows(const Operand<T>& a, int row, int rows, int p, int depth, T* to) {
  constexpr int few = 16;
  const Groups groups(rows);
  const std::ptrdiff_t group = std::ptrdiff_t{group_step<T>} * depth;
  for (int q = 0; q < depth; q += few)
    for (int g = 0, i = row; g < groups.count; i += groups.rows(g), ++g)
      a.template pack<group_step<T>>(i, p + q, std::min(few, depth - q), to + g * group + q * group_step<T>);
}

/// Panels of panel_columns columns; the last is one vector wide if that is enough. Panel after panel, k after k.
template <class T> void pack_columns(const Operand<T>& b, int column, int columns, int p, int depth, T* to) {
  for (int j = 0; j < columns; j += panel_columns<T>, to += std::ptrdiff_t{panel_columns<T>} * depth) {
    if (columns - j > lanes<T>)
      b.template pack<panel_columns<T>>(column + j, p, depth, to);
    else
      b.template pack<lanes<T>>(column + j, p, depth, to);
  }
}

// --- the tile in registers -----------------------------------------------------------------------------------------

/// Where a tile of C goes.
template <class T> struct Target {
  T* c;
  std::ptrdiff_t row_step;
  std::ptrdiff_t column_step;
  bool add;
  const T* bias;

  Target at(std::ptrdiff_t row, std::ptrdiff_t column) const {
    return {c + row * row_step + column * column_step, row_step, column_step, add,
            bias != nullptr ? bias + column : nullptr};
  }
};

/// What is read of B: one or two vectors at `b` for every k, and two more at `far` if the tile is four wide; `step`
/// elements from one k to the next.
template <class T> struct Columns {
  const T* b;
  const T* far;
  std::ptrdiff_t step;
};

/// What is read of A: element (i, p) of a group of rows at its beginning + i·row_step + p·k_step. Rows that are packed
/// have a row_step of 1, rows where they are a k_step of 1.
template <class T> struct Rows {
  const T* a;
  std::ptrdiff_t row_step, k_step;
  std::ptrdiff_t packed_group;  ///< elements from one packed group to the next; 0: not packed

  const T* at(int group, int row) const { return a + (packed_group > 0 ? group * packed_group : row * row_step); }
};

/// All that a tile needs. It is filled for a panel and changed from tile to tile, field by field: a copy, which the
/// compiler would load in wider pieces than were stored, has to wait for every store before it, C's among them.
template <class T> struct Tile {
  int depth, columns;
  Rows<T> rows;
  Columns<T> b;
  Target<T> to;
  Ahead<T> ahead;
  int ahead_lines;  ///< so many for every chunk of k

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

/// rows × (vectors · lanes) elements of C, of which tile.columns columns exist. along_k: k_step is 1, else row_step is.
template <class T, int rows, int vectors, bool along_k> [[gnu::noinline]] void tile_kernel(Tile<T>& tile) {
  constexpr int n = lanes<T>;
  Vector<T> sum[rows][vectors];
#pragma GCC unroll 16
  for (int i = 0; i < rows; ++i)
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) sum[i][v] = Vector<T>{};
  // Of rows that lie apart every third has a pointer; the modes of addressing find the others.
  constexpr int pointers = along_k ? (rows + 2) / 3 : 1;
  const std::ptrdiff_t row_step = tile.rows.row_step, k_step = along_k ? 1 : tile.rows.k_step;
  const T* a[pointers];
  for (int i = 0; i < pointers; ++i) a[i] = tile.rows.a + 3 * i * row_step;
  const T* b = tile.b.b;
  const T* far = tile.b.far;
  const std::ptrdiff_t b_step = tile.b.step;
  const int depth = tile.depth;
  // What is to be written is fetched while the sums are made.
  if (tile.to.column_step == 1)
#pragma GCC unroll 16
    for (int i = 0; i < rows; ++i) {
      const T* c = tile.to.c + i * tile.to.row_step;
#pragma GCC unroll 5
      for (int v = 0; v < vectors; ++v) __builtin_prefetch(c + v * n, 1);
      __builtin_prefetch(c + tile.columns - 1, 1);
    }
  for (int p = 0; p < depth;) {
    tile.ahead.fetch(tile.ahead_lines);
    for (const int end = std::min(depth, p + Tile<T>::chunk); p < end; ++p) {
      Vector<T> line[vectors];
#pragma GCC unroll 4
      for (int v = 0; v < vectors; ++v) line[v] = simd::load(v < 2 ? b + v * n : far + (v - 2) * n);
#pragma GCC unroll 16
      for (int i = 0; i < rows; ++i) {
        const T factor = along_k ? a[i / 3][i % 3 * row_step] : a[0][i];
#pragma GCC unroll 4
        for (int v = 0; v < vectors; ++v) sum[i][v] += line[v] * factor;
      }
#pragma GCC unroll 5
      for (int i = 0; i < pointers; ++i) a[i] += k_step;
      b += b_step;
      if constexpr (vectors > 2) far += b_step;
    }
  }
  const Target<T>& to = tile.to;
  if (tile.columns == vectors * n && to.column_step == 1) {
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
#pragma GCC unroll 16
  for (int i = 0; i < rows; ++i)
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v)
      if (tile.columns > v * n) put(to, i, v * n, sum[i][v], std::min(n, tile.columns - v * n));
}

template <class T> using TileKernel = void (*)(Tile<T>&);

template <class T, int vectors, bool along_k, int... less_one>
constexpr std::array<TileKernel<T>, sizeof...(less_one)> kernels_of(std::integer_sequence<int, less_one...>) {
  return {tile_kernel<T, less_one + 1, vectors, along_k>...};
}
template <class T, bool along_k> TileKernel<T> kernel(int rows, int vectors) {
  static constexpr auto one = kernels_of<T, 1, along_k>(std::make_integer_sequence<int, tile_rows>());
  static constexpr auto two = kernels_of<T, 2, along_k>(std::make_integer_sequence<int, tile_rows>());
  static constexpr auto four = kernels_of<T, 4, along_k>(std::make_integer_sequence<int, wide_rows>());
  const auto i = static_cast<std::size_t>(rows - 1);
  return vectors == 1 ? one[i] : vectors == 2 ? two[i] : four[i];
}
template <class T> TileKernel<T> kernel(int rows, int vectors, bool along_k) {
  return along_k ? kernel<T, true>(rows, vectors) : kernel<T, false>(rows, vectors);
}

/// C [m, n] of one block of k: every panel of B by every group of rows of A, while the panel is in the cache next to
/// the core. panel(j, columns) gives the columns of B from j on: four vectors, two, or one; ahead(j, columns) says what
/// to fetch while they are multiplied.
template <class T, class Panel, class Source>
void multiply_block(int m, int n, int depth, const Rows<T>& a, const Target<T>& to, Panel&& panel, Source&& ahead) {
  constexpr int width = lanes<T>;
  const Groups groups(m);
  const bool wide = m <= wide_rows;
  Tile<T> tile{.depth = depth, .rows = a, .to = to};
  for (int j = 0; j < n;) {
    const int left = n - j;
    const int vectors = wide && left >= 4 * width ? 4 : left > width ? 2 : 1;
    tile.columns = std::min(left, vectors * width);
    tile.b = panel(j, tile.columns);
    tile.ahead = ahead(j, tile.columns);
    tile.ahead_lines = ceiling(tile.ahead.lines(), groups.count * ceiling(depth, Tile<T>::chunk));
    tile.to.bias = to.bias == nullptr ? nullptr : to.bias + j;
    for (int g = 0, row = 0; g < groups.count; row += groups.rows(g), ++g) {
      tile.rows.a = a.at(g, row);
      tile.to.c = to.c + row * to.row_step + j * to.column_step;
      kernel<T>(groups.rows(g), vectors, a.k_step == 1)(tile);
    }
    j += tile.columns;
  }
}

// --- products ------------------------------------------------------------------------------------------------------

/// Blocks of k, as even as can be.
struct Depths {
  explicit Depths(int depth) : count(ceiling(depth, block_k)), size(ceiling(depth, count)), k(depth) {}
  int count, size, k;
  int begin(int block) const { return block * size; }
  int depth(int block) const { return std::min(size, k - begin(block)); }
};

template <class T> struct Product {
  int m, n, k;
  Operand<T> a, b;
  Target<T> to;
};

template <class T> Target<T> target_of_block(const Target<T>& to, int block, int blocks) {
  Target<T> part = to;
  part.add = to.add || block > 0;
  if (block + 1 < blocks) part.bias = nullptr;
  return part;
}

/// Rows [i, i + m), at most most_rows(), and columns [j, j + n) of a product.
template <class T> void tile(const Product<T>& product, int i, int m, int j, int n) {
  Buffers<T>& buffer = buffers<T>();
  const Depths depths(product.k);
  const bool in_place = !product.b.along_k && (product.b.ld <= near<T> || m <= tile_rows);
  for (int block = 0; block < depths.count; ++block) {
    const int p = depths.begin(block), depth = depths.depth(block);
    Rows<T> rows{product.a.at(i, p), product.a.ld, 1, 0};
    if (!product.a.along_k) {
      pack_rows(product.a, i, m, p, depth, buffer.a);
      rows = {buffer.a, 1, group_step<T>, std::ptrdiff_t{group_step<T>} * depth};
    }
    const std::ptrdiff_t panel_size = std::ptrdiff_t{panel_columns<T>} * depth;
    multiply_block(
        m, n, depth, rows, target_of_block(product.to.at(i, j), block, depths.count),
        [&](int column, int columns) -> Columns<T> {
          if (in_place && columns % lanes<T> == 0) {
            const T* b = product.b.at(j + column, p);
            return {b, b + panel_columns<T>, product.b.ld};
          }
          pack_columns(product.b, j + column, columns, p, depth, buffer.b);
          return {buffer.b, buffer.b + panel_size, up_to_multiple(std::min(columns, panel_columns<T>), lanes<T>)};
        },
        [&](int column, int columns) {
          const int end = column + columns;
          if (product.b.along_k) return product.b.ahead(j + end, std::min(n - end, columns), p, depth);
          // A share of the rows of the next block, all columns of them.
          const int next = block + 1 < depths.count ? depths.depth(block + 1) : 0;
          const auto row = [&](int c) { return static_cast<int>(std::int64_t{next} * c / n); };
          return Ahead<T>(product.b.at(j, p + depth + row(column)), product.b.ld, row(end) - row(column), n);
        });
  }
}

/// a·b in four vectors of interleaved sums.
template <class T> T dot(const T* a, const T* b, int k) {
  constexpr int n = lanes<T>;
  Vector<T> sum[4] = {};
  int p = 0;
  for (; p + 4 * n <= k; p += 4 * n)
#pragma GCC unroll 4
    for (int v = 0; v < 4; ++v) sum[v] += simd::load(a + p + v * n) * simd::load(b + p + v * n);
  for (; p + n <= k; p += n) sum[0] += simd::load(a + p) * simd::load(b + p);
  if (p < k) sum[1] += simd::load_first(a + p, k - p) * simd::load_first(b + p, k - p);
  T parts[n];
  simd::store<T>(parts, (sum[0] + sum[1]) + (sum[2] + sum[3]));
  for (int half = n / 2; half > 0; half /= 2)
    for (int v = 0; v < half; ++v) parts[v] += parts[v + half];
  return parts[0];
}

/// Rows [begin, end) of A [m, k] by a column, a block of k at a time.
template <class T> void multiply_vector(const Product<T>& product, int begin, int end) {
  T* column = buffers<T>().b;
  const Depths depths(product.k);
  for (int block = 0; block < depths.count; ++block) {
    const int p = depths.begin(block), depth = depths.depth(block);
    const Target<T> to = target_of_block(product.to, block, depths.count);
    const T* b = product.b.at(0, p);
    if (!product.b.along_k) {
      for (int q = 0; q < depth; ++q) column[q] = b[q * product.b.ld];
      b = column;
    }
    for (int i = begin; i < end; ++i) {
      T sum = dot(product.a.at(i, p), b, depth);
      T& c = to.c[i * to.row_step];
      if (to.add) sum += c;
      if (to.bias != nullptr) sum += *to.bias;
      c = sum;
    }
  }
}

// --- how work is cut -----------------------------------------------------------------------------------------------

constexpr double chunk_flops = 1.5e6;  // some 7 µs: less is not worth a second thread
constexpr int packing_flops = 16;      // as long as it takes to pack an element,
constexpr int reading_flops = 2;       // to read one from the cache of a core, and
constexpr int fetching_flops = 16;     // from farther away,
constexpr int far_bytes = 512 << 10;   // where operands of this size are
constexpr int most_tiles = 16;         // of a product whose rows fit the buffer
constexpr double most_packing = 0.08;  // of all work, for what is packed again because of the tiles

struct Cut {
  int tile_m, tile_n;
};

/// Even tiles: as many as are worth a thread and cost little packing. By the shape alone.
template <class T> Cut cut(const Product<T>& product) {
  const int m = product.m, n = product.n, k = product.k;
  const double flops = 2.0 * m * n * k;
  const int least = ceiling(m, most_rows<T>(Depths(k).size));
  // A is packed once for every part of the columns, B for every part of the rows.
  const auto once_more = [k](int lines, bool packed) {
    const double elements = static_cast<double>(lines) * k;
    return elements *
           ((packed ? packing_flops : 0) + (elements * sizeof(T) > far_bytes ? fetching_flops : reading_flops));
  };
  const double of_a = once_more(m, !product.a.along_k), of_b = once_more(n, product.b.along_k);
  const auto packing = [&](int rows, int columns) { return of_a * columns + of_b * rows; };
  const double once = packing(least, 1);
  int parts_m = least, parts_n = 1;
  for (int rows = least; rows <= std::max(least, most_tiles); rows *= 2)
    for (int columns = 1; columns <= most_tiles; columns *= 2) {
      const int tiles = rows * columns, best = parts_m * parts_n;
      if (rows > least && m < rows * tile_rows) continue;
      if (columns > 1 && n < columns * panel_columns<T>) continue;
      if (tiles > std::max(least, most_tiles) || tiles < best) continue;
      if (flops + packing(rows, columns) < tiles * chunk_flops) continue;
      if (packing(rows, columns) - once > most_packing * flops) continue;
      if (tiles == best && packing(rows, columns) >= packing(parts_m, parts_n)) continue;
      parts_m = rows;
      parts_n = columns;
    }
  return {ceiling(m, parts_m), up_to_multiple(ceiling(n, parts_n), lanes<T>)};
}

}  // namespace

template <class T> void gemm(Cpu, Context& context, const Gemm<T>& g) {
  ETHREED_ASSERT(g.m >= 0 && g.n >= 0 && g.k >= 0);
  if (g.m == 0 || g.n == 0) return;
  Product<T> product{g.m,
                     g.n,
                     g.k,
                     {g.a, g.lda, !g.a_transposed, g.m},
                     {g.b, g.ldb, g.b_transposed, g.n},
                     {g.c, g.ldc, 1, g.accumulate, g.bias}};
  if (g.k == 0) {
    for (int i = 0; i < g.m; ++i)
      for (int j = 0; j < g.n; j += lanes<T>) put(product.to.at(i, 0), 0, j, Vector<T>{}, std::min(lanes<T>, g.n - j));
    return;
  }
  if (g.n == 1 && product.a.along_k) {
    const int rows = std::max(1, static_cast<int>(chunk_flops / 16 / g.k));
    context.pool.parallel_ranges(g.m, rows, [&](std::int64_t begin, std::int64_t end) {
      multiply_vector(product, static_cast<int>(begin), static_cast<int>(end));
    });
    return;
  }
  // A column of sums is a row of them on its side: Bᵀ·Aᵀ.
  if (g.n == 1 && g.bias == nullptr)
    product = {1, g.m, g.k, product.b, product.a, {g.c, 1, g.ldc, g.accumulate, nullptr}};
  const Cut size = cut(product);
  const int tiles_m = ceiling(product.m, size.tile_m), tiles_n = ceiling(product.n, size.tile_n);
  context.pool.parallel_for(std::int64_t{tiles_m} * tiles_n, [&](std::int64_t index) {
    const int i = static_cast<int>(index / tiles_n) * size.tile_m;
    const int j = static_cast<int>(index % tiles_n) * size.tile_n;
    tile(product, i, std::min(size.tile_m, product.m - i), j, std::min(size.tile_n, product.n - j));
  });
}

template <class T>
PackedMatrix<T> pack_matrix(Context& context, const T* b, int ldb, bool transposed, int k, int n, T* memory) {
  constexpr int panels_per_chunk = 4;
  const Operand<T> operand{b, ldb, transposed, n};
  context.pool.parallel_ranges(n, panels_per_chunk * panel_columns<T>, [&](std::int64_t begin, std::int64_t end) {
    pack_columns(operand, static_cast<int>(begin), static_cast<int>(end - begin), 0, k, memory + begin * k);
  });
  return {k, n, memory};
}

template <class T> int packed_column_step() { return panel_columns<T>; }

template <class T> void multiply_packed(const PackedGemm<T>& g) {
  const int k = g.b->k;
  ETHREED_ASSERT(g.first % panel_columns<T> == 0);
  ETHREED_ASSERT(g.columns % panel_columns<T> == 0 || g.first + g.columns == g.b->n);
  const Operand<T> rows{g.a, g.lda, true, g.m};
  const Depths depths(k);
  const int most = most_rows<T>(depths.size);
  for (int i = 0; i < g.m; i += most) {
    const int count = std::min(most, g.m - i);
    for (int block = 0; block < depths.count; ++block) {
      const int p = depths.begin(block), depth = depths.depth(block);
      for (int matrix = 0; matrix < g.matrices; ++matrix) {
        const Target<T> to{g.c + matrix * g.step, g.ldc, 1, g.accumulate || block > 0, nullptr};
        multiply_block(
            count, g.columns, depth, Rows<T>{rows.at(i, p), g.lda, 1, 0}, to.at(i, 0),
            [&](int column, int columns) -> Columns<T> {
              const int step = up_to_multiple(std::min(columns, panel_columns<T>), lanes<T>);
              const T* panel = g.b[matrix].data + std::ptrdiff_t{g.first + column} * k + std::ptrdiff_t{p} * step;
              return {panel, panel + std::ptrdiff_t{panel_columns<T>} * k, step};
            },
            [&](int, int) { return Ahead<T>(); });
      }
    }
  }
}

template void gemm(Cpu, Context&, const Gemm<float>&);
template void gemm(Cpu, Context&, const Gemm<double>&);
template PackedMatrix<float> pack_matrix(Context&, const float*, int, bool, int, int, float*);
template PackedMatrix<double> pack_matrix(Context&, const double*, int, bool, int, int, double*);
template int packed_column_step<float>();
template int packed_column_step<double>();
template void multiply_packed(const PackedGemm<float>&);
template void multiply_packed(const PackedGemm<double>&);

}  // namespace ethreed
