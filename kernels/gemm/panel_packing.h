#pragma once
// Operands of a matrix product in the order in which tiles read them.

#include "kernels/gemm/register_tile.h"

namespace ethreed::gemm_cpu {
namespace {

template <class T> inline constexpr int panel_columns = 2 * lanes<T>;
// Elements from one k to the next in a packed group of rows of A.
template <class T> inline constexpr int group_step = (tile_rows + lanes<T> - 1) / lanes<T>* lanes<T>;

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

#if defined(ETHREED_BF16)

/// The same of pairs: depth / 2 of them a line, rounded up; a missing number is 0.
template <class T, int width>
[[gnu::noinline]] void pack_transposed(const T* from, std::ptrdiff_t ld, int lines, int depth, simd::Pair* to) {
  constexpr int n = lanes<T>;
  const int pairs = elements<Bf16Pairs>(depth);
  for (int j = 0; j < width; j += n) {
    const int present = std::clamp(lines - j, 0, n);
    for (int q = 0; q < pairs; q += n) {
      const int count = depth - 2 * q, first = std::clamp(count, 0, n), second = std::clamp(count - n, 0, n);
      alignas(64) simd::Pair square[n * n];
      for (int i = 0; i < n; ++i) {
        const T* line = from + (j + i) * ld + 2 * q;
        simd::store(square + i * n, i >= present     ? Vector<simd::Pair>{}
                                    : count >= 2 * n ? simd::pairs_along(simd::load(line), simd::load(line + n))
                                                     : simd::pairs_along(simd::load_first(line, first),
                                                                         simd::load_first(line + n, second)));
      }
      simd::Pair* out = to + std::ptrdiff_t{q} * width + j;
      if (pairs - q >= n) {
        simd::transpose_square(square, out, width);
        continue;
      }
      alignas(64) simd::Pair transposed[n * n];
      simd::transpose_square(square, transposed, n);
      for (int p = 0; p < pairs - q; ++p) simd::store(out + p * width, simd::load(transposed + p * n));
    }
  }
}
template <class T, int width>
[[gnu::noinline]] void pack_straight(const T* from, std::ptrdiff_t ld, int lines, int depth, simd::Pair* to) {
  constexpr int n = lanes<T>;
  for (int j = 0; j < width; j += n) {
    const int present = std::clamp(lines - j, 0, n);
    const T* at = from + j;
    simd::Pair* out = to + j;
    for (int p = 0; p < depth; p += 2, at += 2 * ld, out += width)
      simd::store(out, simd::pairs_across(simd::load_first(at, present),
                                          p + 1 < depth ? simd::load_first(at + ld, present) : Vector<float>{}));
  }
}

#endif

/// Matrix A by rows, or B by columns: its `lines`.
template <class T> struct Operand {
  const T* data;
  std::ptrdiff_t ld;
  bool along_k;  ///< the elements of a line are adjacent
  int lines;

  const T* at(std::ptrdiff_t line, std::ptrdiff_t p) const {
    return along_k ? data + line * ld + p : data + p * ld + line;
  }
  /// `width` lines from `line` on, k from p on.
  template <int width, class Element> void pack(int line, int p, int depth, Element* to) const {
    if (along_k)
      pack_transposed<T, width>(at(line, p), ld, lines - line, depth, to);
    else
      pack_straight<T, width>(at(line, p), ld, lines - line, depth, to);
  }
  /// `count` lines from `line` on, k from p on, to prefetch.
  Prefetch<T> prefetch(int line, int count, int p, int depth) const {
    return along_k ? Prefetch<T>(at(line, p), ld, count, depth) : Prefetch<T>(at(line, p), ld, depth, count);
  }
};

/// Groups of rows, as tiles take them; group after group, k after k. Of rows whose elements do not lie along k a few k
/// of all rows at a time: they share cache lines.
template <InVectors F>
void pack_rows(const Operand<typename F::Number>& a, int row, int rows, int p, int depth, typename F::Element* to) {
  constexpr int step = group_step<typename F::Number>;
  const int few = a.along_k ? depth : 16;
  const Groups groups(rows);
  const std::ptrdiff_t group = std::ptrdiff_t{step} * elements<F>(depth);
  for (int q = 0; q < depth; q += few)
    for (int g = 0, i = row; g < groups.count; i += groups.rows(g), ++g)
      a.template pack<step>(i, p + q, std::min(few, depth - q), to + g * group + q / F::per_element * step);
}

/// Panels of panel_columns columns; the last is one vector wide if that is enough. Panel after panel, k after k.
template <InVectors F>
void pack_columns(const Operand<typename F::Number>& b, int column, int columns, int p, int depth,
                  typename F::Element* to) {
  using T = typename F::Number;
  for (int j = 0; j < columns; j += panel_columns<T>, to += std::ptrdiff_t{panel_columns<T>} * elements<F>(depth))
    if (columns - j > lanes<T>)
      b.template pack<panel_columns<T>>(column + j, p, depth, to);
    else
      b.template pack<lanes<T>>(column + j, p, depth, to);
}

}  // namespace
}  // namespace ethreed::gemm_cpu
