#pragma once
// A tile of queries and keys as the threads of a block see it: what forward and backward of attention share. For .cu
// files.

#include "kernels/attention/attention.h"
#include "kernels/attention/attention_dropout.h"
#include "kernels/common/block.h"

#include <limits>

namespace ethreed {
inline namespace ETHREED_DEVICE_BUILD {
namespace attention_device {

inline constexpr int threads = 128;
// Blocks at a time on a multiprocessor, which bounds their registers.
template <class T> inline constexpr int forward_blocks = sizeof(T) == 4 ? 3 : 2;
inline constexpr int backward_blocks = 2;
inline constexpr int queries_per_warp = 4, keys_per_warp = 8;
inline constexpr int tile_queries = threads / warp_size * queries_per_warp;  // 16
inline constexpr int tile_keys = warp_size;
static_assert(threads / warp_size * keys_per_warp == tile_keys);
inline constexpr int tile_columns = 32, line = tile_columns + 1;  // an odd distance of rows: lanes read down a column

// Arrays in shared memory.
struct QueryTile;
struct KeyTile;
struct WeightTile;
struct DlogitTile;

/// The arguments as kernels see them: the spans of the host are not theirs to read.
template <class T> struct DeviceAttention {
  AttentionForward<T> f;
  const std::int32_t* query_offsets;
  const std::int32_t* key_offsets;
  const std::int64_t* pair_offsets;  // null without a mean or a bias
  AttentionDropout<T> dropout;
};

/// One segment in one head.
struct Segment {
  int queries, keys;
  std::int64_t query, key;  ///< first rows
  std::int64_t pair;
};

template <class T> __device__ Segment segment_of(const DeviceAttention<T>& args, int s) {
  return {args.query_offsets[s + 1] - args.query_offsets[s], args.key_offsets[s + 1] - args.key_offsets[s],
          args.query_offsets[s], args.key_offsets[s],
          args.pair_offsets == nullptr ? std::int64_t{0} : args.pair_offsets[s]};
}

/// Rows of a matrix from the first of a tile on, in the columns of a head.
template <class T> struct Rows {
  const T* data;
  int stride;
  int count;  ///< of the tile's rows so many are there; the others count as zero

  __device__ const T* row(int i) const { return data + std::int64_t{i} * stride; }
};

template <class T> __device__ Rows<T> rows_of(const T* matrix, int stride, std::int64_t first, int column, int count) {
  return {matrix + first * stride + column, stride, count};
}

/// Columns c0 … c0 + columns − 1 of `rows` rows.
template <int rows, class T> __device__ void load_tile(const Rows<T>& from, int c0, int columns, T* tile) {
  for (int k = thread_index(); k < rows * tile_columns; k += threads) {
    const int i = k / tile_columns, c = k % tile_columns;
    tile[i * line + c] = i < from.count && c < columns ? from.row(i)[c0 + c] : T{0};
  }
}

/// sums[r] = a_{4w + r}·b_l for warp w and lane l. All threads of the block must call.
template <class T>
__device__ void tile_dots(const Rows<T>& a, const Rows<T>& b, int width, T (&sums)[queries_per_warp]) {
  T* a_tile = shared_array<T, tile_queries * line, QueryTile>();
  T* b_tile = shared_array<T, tile_keys * line, KeyTile>();
  const T* a_rows = a_tile + warp_index() * queries_per_warp * line;
  const T* b_row = b_tile + lane_index() * line;
  for (int r = 0; r < queries_per_warp; ++r) sums[r] = T{0};
  for (int c0 = 0; c0 < width; c0 += tile_columns) {
    const int columns = width - c0 < tile_columns ? width - c0 : tile_columns;
    __syncthreads();  // the tiles before have been read
    load_tile<tile_queries>(a, c0, columns, a_tile);
    load_tile<tile_keys>(b, c0, columns, b_tile);
    __syncthreads();
    for (int c = 0; c < columns; ++c)
      for (int r = 0; r < queries_per_warp; ++r) sums[r] += a_rows[r * line + c] * b_row[c];
  }
}

/// Queries first_query … and keys first_key … of a segment in one head, as one thread sees it: four queries, one key.
template <class T> struct Part {
  const DeviceAttention<T>& args;
  Segment segment;
  int head;
  int first_query, first_key;

  __device__ int query(int r) const { return first_query + warp_index() * queries_per_warp + r; }
  __device__ int key() const { return first_key + lane_index(); }
  __device__ bool has_query(int r) const { return query(r) < segment.queries; }
  __device__ bool sees(int r) const { return key() < segment.keys && (!args.f.causal || key() <= query(r)); }
  /// The weight is 1 then, whatever the logit.
  __device__ bool sees_one_key(int r) const { return segment.keys == 1 || (args.f.causal && query(r) == 0); }
  __device__ int keys() const { return segment.keys - first_key < tile_keys ? segment.keys - first_key : tile_keys; }
  __device__ int queries() const {
    return segment.queries - first_query < tile_queries ? segment.queries - first_query : tile_queries;
  }
  /// Of all query rows and heads.
  __device__ std::int64_t head_row(int r) const { return (segment.query + query(r)) * args.f.heads + head; }
  __device__ std::int64_t pair(int r) const { return segment.pair + std::int64_t{query(r)} * segment.keys + key(); }

  __device__ Rows<T> query_rows() const {
    return rows_of(args.f.query, args.f.query_stride, segment.query + first_query, head * args.f.key_width, queries());
  }
  __device__ Rows<T> key_rows() const {
    return rows_of(args.f.keys, args.f.keys_stride, segment.key + first_key, head * args.f.key_width, keys());
  }
  __device__ Rows<T> value_rows() const {
    return rows_of(args.f.values, args.f.values_stride, segment.key + first_key, head * args.f.value_width, keys());
  }
  /// Of the output, or of another matrix of its layout.
  __device__ Rows<T> output_rows(const T* matrix) const {
    return rows_of(matrix, args.f.output_stride, segment.query + first_query, head * args.f.value_width, queries());
  }

  /// l of four queries and a key, −∞ where the query does not see the key. All threads of the block must call.
  __device__ void logits(T (&l)[queries_per_warp]) const {
    tile_dots(query_rows(), key_rows(), args.f.key_width, l);
    for (int r = 0; r < queries_per_warp; ++r)
      l[r] = sees(r) ? l[r] * static_cast<T>(args.f.scale) : -std::numeric_limits<T>::infinity();
    if (args.f.bias == nullptr) return;
    for (int r = 0; r < queries_per_warp; ++r)
      if (has_query(r) && sees(r)) l[r] += args.f.bias[pair(r) * args.f.heads + head];
  }
  /// m of a query and a key.
  __device__ T kept(int r) const {
    const int j = key();
    const PhiloxBlock words = args.dropout.random.block(args.dropout.block(head_row(r), j / 4));
    const std::uint32_t low = j % 2 == 0 ? words[0] : words[1], high = j % 2 == 0 ? words[2] : words[3];
    return args.dropout.factor(j % 4 < 2 ? low : high);
  }
};

/// m of four queries and a key to a warp's rows of a tile, where each thread finds its own. One at a time: Philox takes
/// many registers. Nothing is done without dropout.
template <class T> __device__ void draw(const Part<T>& part, T* tile) {
  if (!part.args.dropout) return;
#ifdef __CUDACC__
#pragma unroll 1
#endif
  for (int r = 0; r < queries_per_warp; ++r) tile[r * line + lane_index()] = part.kept(r);
}
template <class T> __device__ T drawn(const Part<T>& part, const T* tile, int r) {
  return part.args.dropout ? tile[r * line + lane_index()] : T{1};
}

/// sums[k] = Σ_i factor(k, i)·row(i)[c] over the i that seen(k, i) holds for, from first to last. It holds for all k
/// where begin ≤ i < end: what is not seen is not multiplied by zero but left out, as it may be NaN.
template <int N, class T, class Factor, class Seen>
__device__ void column_sums(const Rows<T>& rows, int c, int begin, int end, Factor factor, Seen seen, T (&sums)[N]) {
  for (int k = 0; k < N; ++k) sums[k] = T{0};
  const auto add_seen = [&](int i) {
    const T x = rows.row(i)[c];
    for (int k = 0; k < N; ++k)
      if (seen(k, i)) sums[k] += factor(k, i) * x;
  };
  for (int i = 0; i < begin && i < rows.count; ++i) add_seen(i);
  for (int i = begin; i < end; ++i) {
    const T x = rows.row(i)[c];
    for (int k = 0; k < N; ++k) sums[k] += factor(k, i) * x;
  }
  for (int i = end > begin ? end : begin; i < rows.count; ++i) add_seen(i);
}

/// The same for the four queries of a warp, over keys.
template <class T>
__device__ void sums_over_keys(const Part<T>& part, const Rows<T>& rows, int c, const T* tile,
                               T (&sums)[queries_per_warp]) {
  const bool causal = part.args.f.causal;
  const int seen = part.query(0) - part.first_key + 1;  // keys that the first query sees, if causal
  column_sums(
      rows, c, 0, causal && seen < rows.count ? seen : rows.count, [=](int r, int j) { return tile[r * line + j]; },
      [=](int r, int j) { return j < seen + r; }, sums);
}

}  // namespace attention_device
}  // namespace ETHREED_DEVICE_BUILD
}  // namespace ethreed
