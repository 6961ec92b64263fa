// How matrix products are cut into blocks and tiles, and how these are distributed over threads. register_tile.h has
// the tile, panel_packing.h the packing, thin_product.h matrix products of too few rows to pack B; unit_product.h and
// unit_packing.h the same for AMX.
#include "kernels/gemm/gemm.h"
#include "kernels/gemm/packed_gemm.h"
#include "kernels/gemm/packing_memory.h"
#include "kernels/gemm/thin_product.h"
#include "kernels/gemm/unit_product.h"

namespace ethreed {

namespace {

using namespace gemm_cpu;

// A constant, not the size of a cache that is found: bits depend on it.
constexpr int block_k = 384;  // after so many terms a sum is stored to C and continued later
/// `rows` of A are multiplied by b. A single tile of rows reads a B that is not transposed in place. With more tiles
/// packing a panel pays: its vectors begin at cache lines, and the next panel is prefetched during the multiplication.
template <class F> bool reads_in_place(const Operand<typename F::Number>& b, int rows) {
  return F::as_stored && !b.along_k && rows <= tile_rows;
}

/// Rows of A that begin whole pages apart share one set of the first cache: eight lines, twelve on some. A tile of more
/// rows would fetch a line for every element, so that these are packed, although their elements lie along k.
template <class T> bool share_a_set(const Operand<T>& a, int rows) {
  constexpr std::ptrdiff_t page = 4096 / sizeof(T);
  constexpr int lines_of_set = 8;
  return a.ld % page == 0 && Groups(rows).rows(0) > lines_of_set;
}
/// Whether `rows` of A are packed before they are multiplied.
template <class F> bool packs_rows(const Operand<typename F::Number>& a, int rows) {
  return !F::as_stored || !a.along_k || share_a_set(a, rows);
}

// How packed operands lie: rows in groups of so many, a group taking so many elements for every k, and so many columns,
// a panel at most, taking so many.
template <class F> constexpr int group_rows = F::in_unit ? unit_rows : tile_rows;
template <class F> constexpr int group_width = F::in_unit ? 1 : group_step<typename F::Number>;
template <class F> constexpr int columns_width(int columns) {
  return F::in_unit ? ceiling(columns, unit_columns) : up_to_multiple(columns, lanes<typename F::Number>);
}

/// Packing buffers of a thread, as elements.
template <class F> struct Buffers {
  using Element = typename F::Element;
  static constexpr int size_a = packed_rows_bytes / static_cast<int>(sizeof(Element));
  static constexpr int size_b = packed_columns_bytes / static_cast<int>(sizeof(Element));
  static_assert(size_b >= columns_width<F>(2 * panel_columns<typename F::Number>) * elements<F>(block_k));
  Element* a = reinterpret_cast<Element*>(packing_memory.a);
  Element* b = reinterpret_cast<Element*>(packing_memory.b);
};
/// So many rows of a block of k fit.
template <class F> constexpr int most_rows(int depth) {
  return Buffers<F>::size_a / (group_width<F> * elements<F>(depth)) * group_rows<F>;
}
template <class F> Buffers<F> buffers() { return {}; }

/// Blocks of k, as even as can be; none but the last ends within an element.
template <class F> struct Depths {
  explicit Depths(int depth)
      : count(ceiling(depth, block_k)), size(up_to_multiple(ceiling(depth, count), F::per_element)), k(depth) {}
  int count, size, k;
  int begin(int block) const { return block * size; }
  int depth(int block) const { return std::min(size, k - begin(block)); }
};

template <class T> struct Product {
  int m, n, k;
  Operand<T> a, b;
  Target<T> to;
};

/// All panels of n columns are packed before they are multiplied by m rows, more than one group of them.
template <class F> bool goes_by_rows(const Product<typename F::Number>& product, int m, int n) {
  return InVectors<F> && m > tile_rows && !product.b.along_k && product.k <= block_k &&
         std::int64_t{columns_width<F>(n)} * elements<F>(product.k) <= Buffers<F>::size_b;
}

template <class T> Target<T> target_of_block(const Target<T>& to, int block, int blocks) {
  Target<T> part = to;
  part.add = to.add || block > 0;
  if (block + 1 < blocks) part.bias = nullptr;
  return part;
}

/// Rows [row, row + count) of a block of A: in place, or packed.
template <class F>
Rows<typename F::Element> rows_of(const Operand<typename F::Number>& a, int row, int count, int p, int depth) {
  if constexpr (F::as_stored)
    if (!packs_rows<F>(a, count)) return {a.at(row, p), a.ld, 1, 0};
  pack_rows<F>(a, row, count, p, depth, buffers<F>().a);
  return {buffers<F>().a, 1, group_width<F>, std::ptrdiff_t{group_width<F>} * elements<F>(depth)};
}

/// Where one or two panels of B lie that are packed one behind the other, `length` elements long, together `columns`
/// wide.
template <class F>
Columns<typename F::Element> packed_columns(const typename F::Element* panel, int columns, int length) {
  constexpr int width = panel_columns<typename F::Number>;
  return {panel, panel + std::ptrdiff_t{columns_width<F>(width)} * length, columns_width<F>(std::min(columns, width)),
          columns_width<F>(std::max(columns - width, 0))};
}

/// Rows [i, i + m), at most most_rows(), and columns [j, j + n) of a matrix product.
template <class F> void tile(const Product<typename F::Number>& product, int i, int m, int j, int n) {
  using T = typename F::Number;
  using Element = typename F::Element;
  const Operand<T>& b = product.b;
  const Depths<F> depths(product.k);
  const bool in_place = reads_in_place<F>(b, m);
  const bool by_rows = !in_place && goes_by_rows<F>(product, m, n);
  for (int block = 0; block < depths.count; ++block) {
    const int p = depths.begin(block), depth = depths.depth(block);
    const Target<T> to = target_of_block(product.to.at(i, j), block, depths.count);
    if constexpr (F::as_stored)
      if (m <= thin_rows && product.a.along_k && b.along_k) {
        multiply_thin(product.a, b, i, m, j, n, p, depth, to);
        continue;
      }
    if constexpr (InVectors<F>)
      if (by_rows) {
        const int length = elements<F>(depth);
        pack_columns<F>(b, j, n, p, depth, buffers<F>().b);
        multiply_by_rows<F>(m, n, length, rows_of<F>(product.a, i, m, p, depth), to, [&](int column, int columns) {
          return packed_columns<F>(buffers<F>().b + std::ptrdiff_t{columns_width<F>(column)} * length, columns, length);
        });
        continue;
      }
    multiply_block<F>(
        m, n, elements<F>(depth), rows_of<F>(product.a, i, m, p, depth), to,
        [&](int column, int columns) -> Columns<Element> {
          if constexpr (F::as_stored)
            if (in_place && columns % lanes<T> == 0) {
              const T* first = b.at(j + column, p);
              return {first, first + panel_columns<T>, b.ld, b.ld};
            }
          pack_columns<F>(b, j + column, columns, p, depth, buffers<F>().b);
          return packed_columns<F>(buffers<F>().b, columns, elements<F>(depth));
        },
        [&](int column, int columns) {
          const int end = column + columns;
          if (!in_place) return b.prefetch(j + end, std::min(n - end, columns), p, depth);  // the next panel
          // What is read in place is prefetched one block early: a part of its rows, all their columns.
          const int next = block + 1 < depths.count ? depths.depth(block + 1) : 0;
          const auto row = [&](int c) { return static_cast<int>(std::int64_t{next} * c / n); };
          return Prefetch<T>(b.at(j, p + depth + row(column)), b.ld, row(end) - row(column), n);
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
  T* column = buffers<Full<T>>().b;
  const Depths<Full<T>> depths(product.k);
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
constexpr int most_tiles = 16;         // two for every thread where these are many
// What is not multiplication, in the FLOPs that the same time would allow: for an element,
constexpr int packing_flops = 30;          // to pack it,
constexpr int reading_flops = 2;           // to read it from the cache of a core, and
constexpr int fetching_flops = 16;         // from beyond that cache,
constexpr int uncached_bytes = 512 << 10;  // where operands of this size are;
constexpr double in_place_factor = 1.1;    // for a tile, where B is read in place;
constexpr double odd_vector = 0.6;         // of a panel, for a panel of one vector;
constexpr double waiting = 0.1;            // of a tile, until the last thread is done.

struct Cut {
  int tile_m, tile_n;
};

/// The even tiles that so many threads are expected to be done with first. An element of C has the same bits in any.
template <class F> Cut cut(const Product<typename F::Number>& product, int threads) {
  using T = typename F::Number;
  const int m = product.m, n = product.n, k = product.k;
  // A is read, and packed if it must be, once for every part of the columns, B once for every part of the rows.
  const auto once = [k](int lines, int of, bool packed) {
    const bool uncached = static_cast<double>(of) * k * sizeof(T) > uncached_bytes;
    return static_cast<double>(lines) * k *
           ((packed ? packing_flops : 0) + (uncached ? fetching_flops : reading_flops));
  };
  const auto tile_flops = [&](const Cut& c) {
    const bool b_in_place = reads_in_place<F>(product.b, c.tile_m);
    const int odd = c.tile_n % panel_columns<T>;
    const double width = c.tile_n - odd + (odd == 0 ? 0 : odd <= lanes<T> ? odd_vector : 1) * panel_columns<T>;
    return 2 * width * c.tile_m * k * (b_in_place ? in_place_factor : 1) +
           once(c.tile_m, m, packs_rows<F>(product.a, c.tile_m)) + once(c.tile_n, n, !b_in_place);
  };
  const int least = ceiling(m, most_rows<F>(Depths<F>(k).size));
  const int most = threads == 1 ? least : std::max({least, most_tiles, 2 * threads});
  Cut best{};
  double best_time = 0;
  for (int rows = least; rows <= most; ++rows)
    for (int columns = 1; rows * columns <= most; ++columns) {
      const Cut c{ceiling(m, rows), up_to_multiple(ceiling(n, columns), lanes<T>)};
      const double flops = tile_flops(c);
      const bool whole = rows == least && columns == 1;
      if (!whole && (flops < chunk_flops || (rows > least && c.tile_m < 2 * group_rows<F>))) {
        if (columns == 1) rows = most;  // nor are smaller ones worth it
        break;
      }
      const int tiles = ceiling(m, c.tile_m) * ceiling(n, c.tile_n);
      const double time = flops * (ceiling(tiles, threads) + waiting);
      if (whole || time < best_time) {
        best = c;
        best_time = time;
      }
    }
  return best;
}

template <class F> void multiply(Context& context, const Product<typename F::Number>& product) {
  const Cut size = cut<F>(product, context.pool.threads_here());
  const int tiles_m = ceiling(product.m, size.tile_m), tiles_n = ceiling(product.n, size.tile_n);
  context.pool.parallel_for(std::int64_t{tiles_m} * tiles_n, [&](std::int64_t index) {
    const int i = static_cast<int>(index / tiles_n) * size.tile_m;
    const int j = static_cast<int>(index % tiles_n) * size.tile_n;
    tile<F>(product, i, std::min(size.tile_m, product.m - i), j, std::min(size.tile_n, product.n - j));
  });
}

/// Calls body with the format of matrix products of T over k.
template <class T, class Body> void with_format(GemmPrecision precision, [[maybe_unused]] int k, Body&& body) {
  if constexpr (std::is_same_v<T, float>) {
#if defined(ETHREED_AMX)
    // Of fewer k a tile would be mostly empty, and packed it would not fit into packed_elements().
    if (precision == GemmPrecision::bf16 && k >= Bf16Tiles::per_element / 2 && has_matrix_unit(Cpu{}))
      return body(Bf16Tiles{});
#endif
#if defined(ETHREED_BF16)
    if (precision == GemmPrecision::bf16) return body(Bf16Pairs{});
#else
    if (precision == GemmPrecision::bf16) require_products(precision);
#endif
  }
  body(Full<T>{});
}

}  // namespace

std::string_view bf16_products(Cpu) {
#if defined(ETHREED_BF16)
  return has_matrix_unit(Cpu{}) ? "in the matrix unit (AMX)" : "in vectors (AVX512_BF16)";
#else
  return "none";
#endif
}

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
  // A column of C is a row of the transpose: Bᵀ·Aᵀ.
  if (g.n == 1 && g.bias == nullptr)
    product = {1, g.m, g.k, product.b, product.a, {g.c, 1, g.ldc, g.accumulate, nullptr}};
  with_format<T>(context.gemm_precision, g.k, [&]<class F>(F) { multiply<F>(context, product); });
}

template <class T>
PackedMatrix<T> pack_matrix(Cpu, Context& context, const T* b, int ldb, bool transposed, int k, int n, T* memory) {
  constexpr int panels_per_chunk = 4;
  const Operand<T> operand{b, ldb, transposed, n};
  with_format<T>(context.gemm_precision, k, [&]<class F>(F) {
    auto* packed = reinterpret_cast<typename F::Element*>(memory);
    context.pool.parallel_ranges(n, panels_per_chunk * panel_columns<T>, [&](std::int64_t begin, std::int64_t end) {
      pack_columns<F>(operand, static_cast<int>(begin), static_cast<int>(end - begin), 0, k,
                      packed + std::ptrdiff_t{columns_width<F>(static_cast<int>(begin))} * elements<F>(k));
    });
  });
  return {k, n, context.gemm_precision, memory};
}

template <class T> int packed_column_step(Cpu) { return panel_columns<T>; }

template <class T> void multiply_packed(Cpu, const PackedGemm<T>& g) {
  ETHREED_ASSERT(g.first % panel_columns<T> == 0);
  ETHREED_ASSERT(g.columns % panel_columns<T> == 0 || g.first + g.columns == g.b->n);
  const Operand<T> a{g.a, g.lda, true, g.m};
  with_format<T>(g.b->precision, g.b->k, [&]<class F>(F) {
    using Element = typename F::Element;
    const int k = g.b->k, length = elements<F>(k);
    const Depths<F> depths(k);
    const int most = most_rows<F>(depths.size);
    for (int i = 0; i < g.m; i += most) {
      const int count = std::min(most, g.m - i);
      for (int block = 0; block < depths.count; ++block) {
        const int p = depths.begin(block), depth = depths.depth(block);
        const Rows<Element> rows = rows_of<F>(a, i, count, p, depth);
        for (int matrix = 0; matrix < g.matrices; ++matrix) {
          const auto* packed = reinterpret_cast<const Element*>(g.b[matrix].data);
          const Target<T> to{g.c + matrix * g.step, g.ldc, 1, g.accumulate || block > 0, nullptr};
          multiply_block<F>(
              count, g.columns, elements<F>(depth), rows, to.at(i, 0),
              [&](int column, int columns) -> Columns<Element> {
                Columns<Element> panel = packed_columns<F>(
                    packed + std::ptrdiff_t{columns_width<F>(g.first + column)} * length, columns, length);
                panel.b += p / F::per_element * panel.step;
                panel.second += p / F::per_element * panel.second_step;
                return panel;
              },
              [](int, int) { return Prefetch<T>(); });
        }
      }
    }
  });
}

template void gemm(Cpu, Context&, const Gemm<float>&);
template void gemm(Cpu, Context&, const Gemm<double>&);
template PackedMatrix<float> pack_matrix(Cpu, Context&, const float*, int, bool, int, int, float*);
template PackedMatrix<double> pack_matrix(Cpu, Context&, const double*, int, bool, int, int, double*);
template int packed_column_step<float>(Cpu);
template int packed_column_step<double>(Cpu);
template void multiply_packed(Cpu, const PackedGemm<float>&);
template void multiply_packed(Cpu, const PackedGemm<double>&);

}  // namespace ethreed
