#pragma once
// A tile of queries and keys of one head on the CPU: what forward and backward of attention share.

#include "kernels/attention/attention.h"
#include "kernels/attention/attention_dropout.h"
#include "kernels/gemm/gemm.h"

#include <algorithm>
#include <array>
#include <limits>
#include <type_traits>

namespace ethreed::attention_cpu {

inline constexpr int tile_size = 64;  // queries, and keys; also the distance of its rows

/// A tile on the stack.
template <class T> struct Tile {
  alignas(64) T data[tile_size * tile_size];
  T* row(int i) { return data + i * tile_size; }
};

struct Segment {
  int queries, keys;
  std::int64_t query, key;  ///< first rows
};

template <class T> Segment segment_of(const AttentionForward<T>& f, int s) {
  return {f.query_offsets[s + 1] - f.query_offsets[s], f.key_offsets[s + 1] - f.key_offsets[s], f.query_offsets[s],
          f.key_offsets[s]};
}

/// Tiles of the longest of segments.
inline int most_tiles(Indices offsets) {
  int most = 0;
  for (int s = 0; s + 1 < offsets.size(); ++s) most = std::max(most, offsets[s + 1] - offsets[s]);
  return (most + tile_size - 1) / tile_size;
}

/// Some queries, some keys and one head of a segment: of which matrices the parts are.
template <class T> struct Part {
  const AttentionForward<T>& f;
  Segment segment;
  int head;
  int first_query, rows;   ///< queries first_query … of the segment
  int first_key, columns;  ///< keys first_key … of the segment

  std::int64_t query_row(int i) const { return segment.query + first_query + i; }
  std::int64_t query_at() const { return query_row(0) * f.query_stride + head * f.key_width; }
  std::int64_t output_at() const { return query_row(0) * f.output_stride + head * f.value_width; }
  std::int64_t keys_at() const { return (segment.key + first_key) * f.keys_stride + head * f.key_width; }
  std::int64_t values_at() const { return (segment.key + first_key) * f.values_stride + head * f.value_width; }
  std::int64_t head_row(int i) const { return query_row(i) * f.heads + head; }
  /// Some queries do not see all of the keys: as many of both.
  bool diagonal() const { return f.causal && first_query == first_key; }
  /// How many of the keys query i sees.
  int visible(int i) const { return f.causal ? std::min(columns, first_query + i - first_key + 1) : columns; }
};

/// Calls body with the least width that these columns fit in, a constant: loops over it are vectorised.
template <class Body> void with_width(int columns, Body&& body) {
  if (columns <= tile_size / 2)
    body(std::integral_constant<int, tile_size / 2>{});
  else
    body(std::integral_constant<int, tile_size>{});
}

/// x_0 ∘ … ∘ x_{width − 1}, pairwise.
template <int width, class T, class Combine> T reduce(const T* x, Combine combine) {
  std::array<T, width / 2> part;
  for (int l = 0; l < width / 2; ++l) part[l] = combine(x[l], x[l + width / 2]);
  for (int half = width / 4; half > 0; half /= 2)
    for (int l = 0; l < half; ++l) part[l] = combine(part[l], part[l + half]);
  return part[0];
}

/// l_ij; −∞ where the query does not see the key, and from the last key to `width`.
template <int width, class T> void compute_logits(Context& context, const Part<T>& part, Tile<T>& logits) {
  const AttentionForward<T>& f = part.f;
  gemm<T>(context, {.b_transposed = true,
                    .m = part.rows,
                    .n = part.columns,
                    .k = f.key_width,
                    .a = f.query + part.query_at(),
                    .lda = f.query_stride,
                    .b = f.keys + part.keys_at(),
                    .ldb = f.keys_stride,
                    .c = logits.data,
                    .ldc = tile_size});
  const T scale = static_cast<T>(f.scale);
  for (int i = 0; i < part.rows; ++i) {
    T* row = logits.row(i);
    std::fill(row + part.columns, row + width, T{0});
    for (int j = 0; j < width; ++j) row[j] *= scale;
    std::fill(row + part.visible(i), row + width, -std::numeric_limits<T>::infinity());
  }
}

/// C = A·B, or C += A·B, over the pairs of a query and a key that it sees: A is a tile, or the transpose of one.
template <class T> void multiply_seen(Context& context, const Part<T>& part, const Gemm<T>& g) {
  if (!part.diagonal()) return gemm(context, g);
  // What is not seen is not multiplied by zero but left out: it may be NaN.
  for (int o = 0; o < g.m; ++o) {
    T* const out = g.c + std::int64_t{o} * g.ldc;
    if (!g.accumulate) std::fill_n(out, g.n, T{0});
    const int begin = g.a_transposed ? o : 0, end = g.a_transposed ? g.k : o + 1;
    for (int t = begin; t < end; ++t) {
      const T factor = g.a_transposed ? g.a[std::int64_t{t} * g.lda + o] : g.a[std::int64_t{o} * g.lda + t];
      const T* const x = g.b + std::int64_t{t} * g.ldb;
      for (int c = 0; c < g.n; ++c) out[c] += factor * x[c];
    }
  }
}

/// Multiplies a row of weights, or what else, by m.
template <class T> void drop(const AttentionDropout<T>& dropout, const Part<T>& part, int i, T* row) {
  for (int j = 0; j < part.columns; j += 4) {
    const PhiloxBlock words = dropout.words(part.head_row(i), (part.first_key + j) / 4);
    const int count = std::min(4, part.columns - j);
    for (int k = 0; k < count; ++k) row[j + k] *= dropout.factor(words[k]);
  }
}

}  // namespace ethreed::attention_cpu
