#pragma once
// A tile of queries and keys of one head on the CPU: what forward and backward of attention share.

#include "kernels/attention/attention.h"
#include "kernels/attention/attention_dropout.h"
#include "kernels/gemm/gemm.h"
#include "kernels/gemm/simd/simd.h"

#include <algorithm>
#include <array>
#include <limits>
#include <type_traits>
#include <utility>

namespace ethreed::attention_cpu {

inline constexpr int tile_size = 64;  // queries, and keys; also the distance of its rows

/// A tile on the stack.
template <class T> struct Tile {
  alignas(64) T data[tile_size * tile_size];
  T* row(int i) { return data + i * tile_size; }
  /// So that what no matrix product writes is a number.
  void clear(int rows) { std::fill_n(data, rows * tile_size, T{0}); }
};

struct Segment {
  int queries, keys;
  std::int64_t query, key;  ///< first rows
  std::int64_t pair;        ///< number of the first pair, with a mean or a bias
};

template <class T> Segment segment_of(const AttentionForward<T>& f, int s) {
  return {f.query_offsets[s + 1] - f.query_offsets[s], f.key_offsets[s + 1] - f.key_offsets[s], f.query_offsets[s],
          f.key_offsets[s], f.pair_offsets.empty() ? std::int64_t{0} : f.pair_offsets[s]};
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
  /// Number of the pair of query i and the first key.
  std::int64_t pair_at(int i) const { return segment.pair + std::int64_t{first_query + i} * segment.keys + first_key; }
  std::int64_t head_row(int i) const { return query_row(i) * f.heads + head; }
  /// Some queries do not see all of the keys: as many of both.
  bool diagonal() const { return f.causal && first_query == first_key; }
  /// The weight is 1 then, whatever the logit.
  bool sees_one_key(int i) const { return segment.keys == 1 || (f.causal && first_query + i == 0); }
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

namespace detail {

/// Lane l takes the place of lane l + by, around.
template <int by, class V, int... lane> V rotate(V v, std::integer_sequence<int, lane...>) {
  return __builtin_shufflevector(v, v, (lane + by) % static_cast<int>(sizeof...(lane))...);
}

/// All lanes of a vector, halves first.
template <class T, int half, class Combine> T reduce_lanes(simd::Vector<T> v, Combine combine) {
  v = combine(v, rotate<half>(v, std::make_integer_sequence<int, simd::lanes<T>>()));
  if constexpr (half == 1)
    return v[0];
  else
    return reduce_lanes<T, half / 2>(v, combine);
}

}  // namespace detail

struct Larger {
  template <class V> V operator()(V a, V b) const { return a > b ? a : b; }
};
struct Sum {
  template <class V> V operator()(V a, V b) const { return a + b; }
};

/// x_0 ∘ … ∘ x_{width − 1}: a lane has every n-th, from first to last, and the n lanes are combined by halves.
template <int width, class Combine, class T> T reduce(const T* x, Combine combine) {
  if constexpr (std::is_floating_point_v<T>) {
    constexpr int n = simd::lanes<T>;
    static_assert(width % n == 0);
    simd::Vector<T> lanes = simd::load(x);
#pragma GCC unroll 8
    for (int k = n; k < width; k += n) lanes = combine(lanes, simd::load(x + k));
    return detail::reduce_lanes<T, n / 2>(lanes, combine);
  } else {  // a scalar that counts
    T all = x[0];
    for (int k = 1; k < width; ++k) all = combine(all, x[k]);
    return all;
  }
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
  const T scale = static_cast<T>(f.scale), unseen = -std::numeric_limits<T>::infinity();
  for (int i = 0; i < part.rows; ++i) {
    T* row = logits.row(i);
    const int visible = part.visible(i);
    for (int j = 0; j < width; ++j) row[j] = j < visible ? row[j] * scale : unseen;
    if (f.bias == nullptr) continue;
    const T* bias = f.bias + part.pair_at(i) * f.heads + part.head;
    for (int j = 0; j < visible; ++j) row[j] += bias[std::int64_t{j} * f.heads];
  }
}

/// C = A·B, or C += A·B, over the pairs of a query and a key that it sees: A is a tile, or the transpose of one. What
/// is not seen is not multiplied by zero but left out: it may be NaN. On the diagonal 16 rows of C are a matrix product
/// with what all of them see, and a triangle.
template <class T> void multiply_seen(Context& context, const Part<T>& part, const Gemm<T>& g) {
  constexpr int rows_at_once = 16;
  if (!part.diagonal()) return gemm(context, g);
  for (int begin = 0; begin < g.m; begin += rows_at_once) {
    const int end = std::min(begin + rows_at_once, g.m);
    Gemm<T> whole = g;
    whole.m = end - begin;
    whole.k = g.a_transposed ? g.k - end : begin;
    whole.a += g.a_transposed ? std::int64_t{end} * g.lda + begin : std::int64_t{begin} * g.lda;
    whole.b += g.a_transposed ? std::int64_t{end} * g.ldb : 0;
    whole.c += std::int64_t{begin} * g.ldc;
    gemm(context, whole);
    for (int o = begin; o < end; ++o)
      for (int t = g.a_transposed ? o : begin; t < (g.a_transposed ? end : o + 1); ++t) {
        const T factor = g.a_transposed ? g.a[std::int64_t{t} * g.lda + o] : g.a[std::int64_t{o} * g.lda + t];
        const T* const x = g.b + std::int64_t{t} * g.ldb;
        T* const out = g.c + std::int64_t{o} * g.ldc;
        for (int c = 0; c < g.n; ++c) out[c] += factor * x[c];
      }
  }
}

/// m of a tile.
template <class T> void draw(const AttentionDropout<T>& dropout, const Part<T>& part, Tile<T>& factors) {
  constexpr int n = 16;  // blocks of Philox at once, in vectors
  const int groups = (part.columns + 3) / 4, blocks = part.rows * groups;
  for (int block = 0; block < blocks; block += n) {
    std::array<std::uint64_t, n> at;
    std::array<std::array<std::uint32_t, n>, 4> words;
    for (int l = 0; l < n; ++l)
      at[l] = dropout.block(part.head_row((block + l) / groups), part.first_key / 4 + (block + l) % groups);
    for (int l = 0; l < n; ++l) {
      const PhiloxBlock four = dropout.random.block(at[l]);
      for (int k = 0; k < 4; ++k) words[k][l] = four[k];
    }
    for (int l = 0; l < n && block + l < blocks; ++l) {
      T* to = factors.row((block + l) / groups) + (block + l) % groups * 4;
      for (int k = 0; k < 4; ++k) to[k] = dropout.factor(words[k][l]);
    }
  }
}

/// Multiplies a row of weights, or what else, by a row of m.
template <class T> void drop(const Part<T>& part, const T* factors, T* row) {
  for (int j = 0; j < part.columns; ++j) row[j] *= factors[j];
}

}  // namespace ethreed::attention_cpu
