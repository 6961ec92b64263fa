// How matrix products are cut into blocks and tiles, and how these are distributed over threads. register_tile.h has
// the tile, panel_packing.h the packing, thin_product.h matrix products of too few rows to pack B, column_product.h
// those by a column; unit_product.h and unit_packing.h the same for AMX.
#include "kernels/gemm/gemm.h"

#include "kernels/gemm/activated.h"
#include "kernels/gemm/column_product.h"
#include "kernels/gemm/packed_gemm.h"
#include "kernels/gemm/thin_product.h"
#include "kernels/gemm/unit_product.h"

namespace ethreed {

namespace {

using namespace gemm_cpu;

/// `rows` of A are multiplied by B. A single tile of rows reads a B that is not transposed in place. With more tiles
/// packing a panel pays: its vectors begin at cache lines, and the next panel is prefetched during the multiplication.
template <class F> bool reads_in_place(const Product<typename F::Number>& product, int rows) {
  return F::as_stored && product.packed_b == nullptr && !product.b.along_k && rows <= tile_rows;
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

/// Rows of a tile at most, of a block of k of this depth: as many as fit, packed; or so many that to pack B for them
/// and again for the next ones takes little of the time.
template <class F> constexpr int most_rows(int depth, bool packed) {
  constexpr int in_place = 1024;
  return packed ? Buffers<F>::size_a / (group_width<F> * elements<F>(depth)) * group_rows<F> : in_place;
}

/// All panels of n columns are packed before they are multiplied by m rows, more than one group of them.
template <class F> bool goes_by_rows(const Product<typename F::Number>& product, int m, int n) {
  return InVectors<F> && m > tile_rows && product.packed_b == nullptr && !product.b.along_k &&
         product.k <= F::block_k && std::int64_t{columns_width<F>(n)} * elements<F>(product.k) <= Buffers<F>::size_b;
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

/// One or two panels of a packed matrix from column `j` on, k from p on.
template <class F>
Columns<typename F::Element> part_of(const PackedMatrix<typename F::Number>& b, int j, int columns, int p) {
  const int length = elements<F>(b.k);
  const auto* packed = reinterpret_cast<const typename F::Element*>(b.data);
  Columns<typename F::Element> part =
      packed_columns<F>(packed + std::ptrdiff_t{columns_width<F>(j)} * length, columns, length);
  part.b += p / F::per_element * part.step;
  part.second += p / F::per_element * part.second_step;
  return part;
}

/// Blocks [first, first + count) of k of a tile, by panels of B, packed one at a time or read in place.
template <class F>
void tile_by_panels(const Product<typename F::Number>& product, int i, int m, int j, int n, int first, int count,
                    const Target<typename F::Number>& to) {
  using T = typename F::Number;
  using Element = typename F::Element;
  const Operand<T>& b = product.b;
  const Depths<F> depths(product.k);
  const bool in_place = reads_in_place<F>(product, m);
  std::array<Block<F>, most_blocks<F>> blocks;
  int p = depths.begin(first), depth = 0;
  for (int q = 0; q < count; ++q) {
    const int part = depths.depth(first + q);
    blocks[static_cast<std::size_t>(q)] = {elements<F>(part), rows_of<F>(product.a, i, m, p + depth, part)};
    depth += part;
  }
  multiply_blocks<F>(
      m, n, std::span<const Block<F>>(blocks.data(), static_cast<std::size_t>(count)), to,
      [&](int column, int columns, int q) -> Columns<Element> {
        const int begin = depths.begin(first + q), part = depths.depth(first + q);
        if (product.packed_b != nullptr) return part_of<F>(*product.packed_b, j + column, columns, begin);
        if constexpr (F::as_stored)
          if (in_place && columns % lanes<T> == 0) {
            const T* at = b.at(j + column, begin);
            return {at, at + panel_columns<T>, b.ld, b.ld};
          }
        Element* packed = buffers<F>().b + std::ptrdiff_t{q} * two_panels<F>;
        pack_columns<F>(b, j + column, columns, begin, part, packed);
        return packed_columns<F>(packed, columns, elements<F>(part));
      },
      [&](int column, int columns) {
        const int end = column + columns;
        if (product.packed_b != nullptr) {
          if (end >= n) return Prefetch<T>();
          const auto next = part_of<F>(*product.packed_b, j + end, std::min(n - end, columns), p);
          return Prefetch<T>(reinterpret_cast<const T*>(next.b), 0, 1,
                             static_cast<int>(next.step) * elements<F>(depth));
        }
        if (!in_place) return b.prefetch(j + end, std::min(n - end, columns), p, depth);  // the next panel
        // What is read in place is prefetched one block early: a part of its rows, all their columns.
        const int next = first + 1 < depths.count ? depths.depth(first + 1) : 0;
        const auto row = [&](int c) { return static_cast<int>(std::int64_t{next} * c / n); };
        return Prefetch<T>(b.at(j, p + depth + row(column)), b.ld, row(end) - row(column), n);
      });
}

/// A block of k of a tile, all panels of B packed first.
template <class F>
void tile_by_rows(const Product<typename F::Number>& product, int i, int m, int j, int n,
                  const Target<typename F::Number>& to) {
  const int length = elements<F>(product.k);
  pack_columns<F>(product.b, j, n, 0, product.k, buffers<F>().b);
  multiply_by_rows<F>(m, n, length, rows_of<F>(product.a, i, m, 0, product.k), to, [&](int column, int columns) {
    return packed_columns<F>(buffers<F>().b + std::ptrdiff_t{columns_width<F>(column)} * length, columns, length);
  });
}

/// Rows [i, i + m), at most most_rows(), and columns [j, j + n) of a matrix product.
template <class F> void tile(const Product<typename F::Number>& product, int i, int m, int j, int n) {
  const Target<typename F::Number> to = product.to.at(i, j);
  const Depths<F> depths(product.k);
  if constexpr (F::as_stored)
    if (product.packed_b == nullptr && m <= thin_rows && product.a.along_k && product.b.along_k) {
      for (int block = 0; block < depths.count; ++block)
        multiply_thin(product.a, product.b, i, m, j, n, depths.begin(block), depths.depth(block),
                      target_of_blocks(to, block, 1, depths.count));
      return;
    }
  const bool in_place = reads_in_place<F>(product, m);
  if constexpr (InVectors<F>)
    if (!in_place && goes_by_rows<F>(product, m, n)) return tile_by_rows<F>(product, i, m, j, n, to);
  // The packing buffer has the rows of one block; a B in place is prefetched a block early, in pieces.
  const int at_once = in_place || packs_rows<F>(product.a, m) ? 1 : most_blocks<F>;
  for (int first = 0; first < depths.count; first += at_once) {
    const int count = std::min(at_once, depths.count - first);
    tile_by_panels<F>(product, i, m, j, n, first, count, target_of_blocks(to, first, count, depths.count));
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
    const bool b_in_place = reads_in_place<F>(product, c.tile_m);
    const int odd = c.tile_n % panel_columns<T>;
    const double width = c.tile_n - odd + (odd == 0 ? 0 : odd <= lanes<T> ? odd_vector : 1) * panel_columns<T>;
    return 2 * width * c.tile_m * k * (b_in_place ? in_place_factor : 1) +
           once(c.tile_m, m, packs_rows<F>(product.a, c.tile_m)) + once(c.tile_n, n, !b_in_place);
  };
  const int least = ceiling(m, most_rows<F>(Depths<F>(k).size, packs_rows<F>(product.a, m)));
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

/// With B packed before, a tile of rows need not be high to pay for packing: whole groups, so many that A stays in the
/// core's second cache. Rows of A that are packed are packed once for every part of the columns.
template <class F> Cut cut_for_packed(const Product<typename F::Number>& product, int threads) {
  constexpr int most_rows = 4 * group_rows<F>, panel = panel_columns<typename F::Number>, most_columns = 24 * panel;
  const int m = std::min(product.m, most_rows), rows = ceiling(product.m, most_rows), n = product.n;
  const int columns = std::max(packs_rows<F>(product.a, m) ? 1 : ceiling(n, most_columns),
                               rows < threads ? ceiling(2 * threads, rows) : 1);
  return {m, up_to_multiple(ceiling(n, columns), panel)};
}

template <class F> void multiply(Context& context, const Product<typename F::Number>& product) {
  const Cut size = product.packed_b != nullptr ? cut_for_packed<F>(product, context.pool.threads_here())
                                               : cut<F>(product, context.pool.threads_here());
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

template <class T> void gemm_activated(Cpu, Context& context, const Gemm<T>& g, Activation activation, T* y) {
  ETHREED_ASSERT(g.m >= 0 && g.n >= 0 && g.k >= 0);
  ETHREED_ASSERT(g.packed_b == nullptr || (g.packed_b->k == g.k && g.packed_b->n == g.n));
  ETHREED_ASSERT(g.packed_b == nullptr || g.packed_b->precision == context.gemm_precision);
  if (g.m == 0 || g.n == 0) return;
  Product<T> product{g.m,
                     g.n,
                     g.k,
                     {g.a, g.lda, !g.a_transposed, g.m},
                     {g.b, g.ldb, g.b_transposed, g.n},
                     {g.c, g.ldc, 1, g.accumulate, g.bias, activation, y},
                     g.packed_b};
  if (g.k == 0) {
    for (int i = 0; i < g.m; ++i)
      for (int j = 0; j < g.n; j += lanes<T>) put(product.to.at(i, 0), 0, j, Vector<T>{}, std::min(lanes<T>, g.n - j));
    activate_rows(product.to, g.m, g.n);
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
  if (g.n == 1 && g.bias == nullptr && y == nullptr)
    product = {1, g.m, g.k, product.b, product.a, {g.c, 1, g.ldc, g.accumulate, nullptr}};
  with_format<T>(context.gemm_precision, g.k, [&]<class F>(F) { multiply<F>(context, product); });
}

template <class T> void gemm(Cpu cpu, Context& context, const Gemm<T>& g) {
  gemm_activated<T>(cpu, context, g, Activation::none, nullptr);
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
    const Depths<F> depths(g.b->k);
    const int most = most_rows<F>(depths.size, true);
    for (int i = 0; i < g.m; i += most) {
      const int count = std::min(most, g.m - i);
      for (int block = 0; block < depths.count; ++block) {
        const int p = depths.begin(block), depth = depths.depth(block);
        const Block<F> rows{elements<F>(depth), rows_of<F>(a, i, count, p, depth)};
        for (int matrix = 0; matrix < g.matrices; ++matrix) {
          const Target<T> to{g.c + matrix * g.step, g.ldc, 1, g.accumulate || block > 0, nullptr};
          multiply_blocks<F>(
              count, g.columns, std::span(&rows, 1), to.at(i, 0),
              [&](int column, int columns, int) { return part_of<F>(g.b[matrix], g.first + column, columns, p); },
              [](int, int) { return Prefetch<T>(); });
        }
      }
    }
  });
}

template void gemm(Cpu, Context&, const Gemm<float>&);
template void gemm(Cpu, Context&, const Gemm<double>&);
template void gemm_activated(Cpu, Context&, const Gemm<float>&, Activation, float*);
template void gemm_activated(Cpu, Context&, const Gemm<double>&, Activation, double*);
template PackedMatrix<float> pack_matrix(Cpu, Context&, const float*, int, bool, int, int, float*);
template PackedMatrix<double> pack_matrix(Cpu, Context&, const double*, int, bool, int, int, double*);
template int packed_column_step<float>(Cpu);
template int packed_column_step<double>(Cpu);
template void multiply_packed(Cpu, const PackedGemm<float>&);
template void multiply_packed(Cpu, const PackedGemm<double>&);

}  // namespace ethreed
