// A block is a tile of queries and a head, or backward a tile of keys and a head. Rows are brought to shared memory 32
// columns at a time, so that heads of any width fit; a warp has four queries and its lanes the keys of a tile, so that
// the softmax and δ are sums over a warp.
#include "kernels/attention/attention.h"
#include "kernels/attention/attention_device.h"
#include "kernels/common/launch.h"
#include "kernels/common/math.h"

#include <algorithm>
#include <limits>

namespace ethreed {

namespace {

using namespace attention_device;

/// Adds a head's share to the mean, or begins it.
template <class T> __device__ void add_to_mean(const Part<T>& part, int r, T value) {
  if (!part.has_query(r) || part.key() >= part.segment.keys) return;
  T& mean = part.args.f.mean[part.pair(r)];
  const T share = part.sees(r) ? value / static_cast<T>(part.args.f.heads) : T{0};
  mean = part.head == 0 ? share : mean + share;
}

/// A head's share of the mean of weights, which are known only when the softmax is.
template <class T>
__device__ void add_mean_weights(Part<T> part, const T (&high)[queries_per_warp], const T (&sum)[queries_per_warp],
                                 int end) {
  for (part.first_key = 0; part.first_key < end; part.first_key += tile_keys) {
    T l[queries_per_warp];
    part.logits(l);
    for (int r = 0; r < queries_per_warp; ++r) add_to_mean(part, r, math::exp(l[r] - high[r]) / sum[r]);
  }
}

/// Output and log-sum-exp of a tile of queries in one head.
template <class T> __device__ void attend(Part<T> part, int end) {
  const AttentionForward<T>& f = part.args.f;
  T* tile = shared_array<T, tile_queries * line, WeightTile>() + warp_index() * queries_per_warp * line;
  T high[queries_per_warp], sum[queries_per_warp];
  for (int r = 0; r < queries_per_warp; ++r) {
    high[r] = -std::numeric_limits<T>::infinity();
    sum[r] = T{0};
  }
  for (part.first_key = 0; part.first_key < end; part.first_key += tile_keys) {
    T l[queries_per_warp], factor[queries_per_warp];
    part.logits(l);
    draw(part, tile);
    for (int r = 0; r < queries_per_warp; ++r) {
      if (f.mean_of == AttentionMean::logits) add_to_mean(part, r, l[r]);
      const T here = warp_max(l[r]), top = high[r] > here ? high[r] : here;
      const T from = top == -std::numeric_limits<T>::infinity() ? T{0} : top;  // not −∞ + ∞
      const T weight = math::exp(l[r] - from);
      factor[r] = math::exp(high[r] - from);  // 0 in the first tile
      sum[r] = sum[r] * factor[r] + warp_sum(weight);
      high[r] = top;
      tile[r * line + lane_index()] = weight * drawn(part, tile, r);
    }
    __syncwarp();
    const bool first = part.first_key == 0, last = part.first_key + tile_keys >= end;
    for (int c = lane_index(); c < f.value_width; c += warp_size) {
      T sums[queries_per_warp];
      sums_over_keys(part, part.value_rows(), c, tile, sums);
      for (int r = 0; r < queries_per_warp; ++r) {
        if (!part.has_query(r)) continue;
        T& output = f.output[(part.segment.query + part.query(r)) * f.output_stride + part.head * f.value_width + c];
        const T so_far = first ? sums[r] : output * factor[r] + sums[r];
        output = last ? so_far / sum[r] : so_far;
      }
    }
  }
  for (int r = 0; r < queries_per_warp; ++r)
    if (part.has_query(r) && lane_index() == 0) f.log_sum_exp[part.head_row(r)] = high[r] + std::log(sum[r]);
  if (f.mean_of == AttentionMean::weights) add_mean_weights(part, high, sum, end);
  if (f.mean_of == AttentionMean::none || part.head > 0) return;
  for (; part.first_key < part.segment.keys; part.first_key += tile_keys)  // of which no query of the tile sees any
    for (int r = 0; r < queries_per_warp; ++r) add_to_mean(part, r, T{0});
}

/// A block is a tile of queries of a segment, blockIdx.x, in head blockIdx.y; with a mean in all heads, one by one.
template <class T>
__global__ void __launch_bounds__(threads, forward_blocks<T>)
    attention_forward_kernel(DeviceAttention<T> args, int tiles) {
  Part<T> part{args, segment_of(args, block_index() / tiles), static_cast<int>(blockIdx.y),
               block_index() % tiles * tile_queries, 0};
  if (part.first_query >= part.segment.queries) return;
  const int after = part.first_query + part.queries();  // causal: keys that the last query sees
  const int end = args.f.causal ? after : part.segment.keys;
  for (; part.head < args.f.heads; part.head += static_cast<int>(gridDim.y)) attend(part, end);
}

/// What the backward needs of the four queries of a thread.
template <class T> struct QueryState {
  T log_sum_exp[queries_per_warp];
  T delta[queries_per_warp];
};

template <class T> __device__ QueryState<T> query_state(const Part<T>& part, const T* doutput) {
  const AttentionForward<T>& f = part.args.f;
  QueryState<T> state;
  for (int r = 0; r < queries_per_warp; ++r) {
    const std::int64_t at = (part.segment.query + part.query(r)) * f.output_stride + part.head * f.value_width;
    T delta{0};
    for (int c = lane_index(); c < f.value_width && part.has_query(r); c += warp_size)
      delta += doutput[at + c] * f.output[at + c];
    state.delta[r] = warp_sum(delta);
    state.log_sum_exp[r] = part.has_query(r) ? f.log_sum_exp[part.head_row(r)] : T{0};
  }
  return state;
}

/// dl of a query and a key, 0 where the query does not see the key.
template <class T> __device__ void put_bias(const Part<T>& part, const GradientSink<T>& dbias, int r, T dlogit) {
  if (dbias && part.has_query(r) && part.key() < part.segment.keys)
    put<T>(dbias, part.pair(r) * part.args.f.heads + part.head, dlogit);
}

/// m·w and scale·dl of four queries and a key; the latter only if asked for, and dl to `dbias`. `tile`: a warp's rows,
/// overwritten. All threads of the block must call.
template <class T>
__device__ void pairs_backward(const Part<T>& part, const AttentionBackward<T>& args, const QueryState<T>& state,
                               bool logits_too, const GradientSink<T>& dbias, T* tile, T (&weights)[queries_per_warp],
                               T (&dlogits)[queries_per_warp]) {
  const AttentionForward<T>& f = part.args.f;
  part.logits(weights);
  if (logits_too) tile_dots(part.output_rows(args.doutput), part.value_rows(), f.value_width, dlogits);
  draw(part, tile);
  for (int r = 0; r < queries_per_warp; ++r) {
    const bool there = part.has_query(r) && part.sees(r);
    const T weight = there ? math::exp(weights[r] - state.log_sum_exp[r]) : T{0}, kept = drawn(part, tile, r);
    weights[r] = weight * kept;
    if (!logits_too) continue;
    T dlogit = there && !part.sees_one_key(r) ? weight * (dlogits[r] * kept - state.delta[r]) : T{0};
    if (args.dmean != nullptr && there) dlogit += args.dmean[part.pair(r)] / static_cast<T>(f.heads);
    put_bias(part, dbias, r, dlogit);
    dlogits[r] = dlogit * static_cast<T>(f.scale);
  }
}

/// Where rows of a gradient go.
template <class T> __device__ void put_row(const GradientSink<T>& sink, bool first, std::int64_t at, T gradient) {
  put<T>({sink.data, sink.accumulate || !first}, at, gradient);
}

/// dquery and dbias of a tile of queries in one head.
template <class T> __device__ void queries_backward(Part<T> part, const AttentionBackward<T>& args) {
  const AttentionForward<T>& f = part.args.f;
  T* tile = shared_array<T, tile_queries * line, WeightTile>() + warp_index() * queries_per_warp * line;
  const QueryState<T> state = query_state(part, args.doutput);
  const int end = f.causal ? part.first_query + part.queries() : part.segment.keys;
  for (part.first_key = 0; part.first_key < end; part.first_key += tile_keys) {
    T weights[queries_per_warp], dlogits[queries_per_warp];
    pairs_backward(part, args, state, true, args.dbias, tile, weights, dlogits);
    if (!args.dquery) continue;
    for (int r = 0; r < queries_per_warp; ++r) tile[r * line + lane_index()] = dlogits[r];
    __syncwarp();
    for (int c = lane_index(); c < f.key_width; c += warp_size) {
      T sums[queries_per_warp];
      sums_over_keys(part, part.key_rows(), c, tile, sums);
      for (int r = 0; r < queries_per_warp; ++r)
        if (part.has_query(r))
          put_row(args.dquery, part.first_key == 0,
                  (part.segment.query + part.query(r)) * f.query_stride + part.head * f.key_width + c, sums[r]);
    }
  }
  for (; part.first_key < part.segment.keys; part.first_key += tile_keys)  // of which no query of the tile sees any
    for (int r = 0; r < queries_per_warp; ++r) put_bias(part, args.dbias, r, T{0});
}

/// Σ_i tile[i][j]·row(i) for the eight keys j of a warp; zeros where there are no rows.
template <class T>
__device__ void keys_products(const Part<T>& part, const GradientSink<T>& sink, int stride, int width, bool first,
                              const Rows<T>& rows, const T* tile) {
  const int own = warp_index() * keys_per_warp;
  // Causal: the first of the queries that sees the last of the keys.
  const int all_see = part.first_key + own + keys_per_warp - 1 - part.first_query;
  const int begin = part.args.f.causal && all_see > 0 ? all_see : 0;
  for (int c = lane_index(); c < width; c += warp_size) {
    T sums[keys_per_warp];
    column_sums(
        rows, c, begin, rows.count, [=](int k, int i) { return tile[i * line + own + k]; },
        [=](int k, int i) { return i >= all_see - (keys_per_warp - 1) + k; }, sums);
    for (int k = 0; k < keys_per_warp; ++k)
      if (own + k < part.keys())
        put_row(sink, first, (part.segment.key + part.first_key + own + k) * stride + part.head * width + c, sums[k]);
  }
}

/// dkeys and dvalues of a tile of keys in one head.
template <class T> __device__ void keys_backward(Part<T> part, const AttentionBackward<T>& args) {
  const AttentionForward<T>& f = part.args.f;
  T* weights_tile = shared_array<T, tile_queries * line, WeightTile>();
  T* dlogits_tile = shared_array<T, tile_queries * line, DlogitTile>();
  const int begin = f.causal ? part.first_key : 0;  // queries before see none of the keys
  for (part.first_query = begin; part.first_query == begin || part.first_query < part.segment.queries;
       part.first_query += tile_queries) {
    const bool first = part.first_query == begin;
    if (part.segment.queries > 0) {
      T weights[queries_per_warp], dlogits[queries_per_warp];
      pairs_backward(part, args, query_state(part, args.doutput), static_cast<bool>(args.dkeys), {},
                     weights_tile + warp_index() * queries_per_warp * line, weights, dlogits);
      for (int r = 0; r < queries_per_warp; ++r) {
        const int at = (warp_index() * queries_per_warp + r) * line + lane_index();
        weights_tile[at] = weights[r];
        if (args.dkeys) dlogits_tile[at] = dlogits[r];
      }
    }
    __syncthreads();  // before these are written again, tile_dots waits for all
    if (args.dkeys)
      keys_products(part, args.dkeys, f.keys_stride, f.key_width, first, part.query_rows(),
                    static_cast<const T*>(dlogits_tile));
    if (args.dvalues)
      keys_products(part, args.dvalues, f.values_stride, f.value_width, first, part.output_rows(args.doutput),
                    static_cast<const T*>(weights_tile));
  }
}

/// Of every segment, blockIdx.x / (tiles of queries + tiles of keys), the first blocks are tiles of queries and have
/// dquery and dbias, the others tiles of keys and have dkeys and dvalues; blockIdx.y is the head.
template <class T>
__global__ void __launch_bounds__(threads, backward_blocks)
    attention_backward_kernel(DeviceAttention<T> args, AttentionBackward<T> back, int query_tiles, int key_tiles) {
  const int tiles = query_tiles + key_tiles, tile = block_index() % tiles;
  Part<T> part{args, segment_of(args, block_index() / tiles), static_cast<int>(blockIdx.y), 0, 0};
  if (tile < query_tiles) {
    part.first_query = tile * tile_queries;
    if (part.first_query < part.segment.queries) queries_backward(part, back);
  } else {
    part.first_key = (tile - query_tiles) * tile_keys;
    if (part.first_key < part.segment.keys) keys_backward(part, back);
  }
}

/// Tiles of the longest of segments.
int most_tiles(Indices offsets, int size) {
  int most = 0;
  for (int s = 0; s + 1 < offsets.size(); ++s) most = std::max(most, offsets[s + 1] - offsets[s]);
  return (most + size - 1) / size;
}

template <class T> DeviceAttention<T> on_device(Context& context, const AttentionForward<T>& f) {
  const bool with_pairs = f.mean_of != AttentionMean::none || f.bias != nullptr;
  return {f, indices(context, f.query_offsets), indices(context, f.key_offsets),
          with_pairs ? indices(context, f.pair_offsets) : nullptr, dropout_of(f)};
}

}  // namespace

template <class T> void attention_forward(ThisDevice, Context& context, const AttentionForward<T>& args) {
  const int tiles = most_tiles(args.query_offsets, tile_queries);
  if (tiles == 0) return;
  const int heads = args.mean_of == AttentionMean::none ? args.heads : 1;
  launch<attention_forward_kernel<T>>(
      context,
      {.grid = dim3(blocks_for(std::int64_t{args.segments()} * tiles, 1), static_cast<unsigned>(heads)),
       .block = threads},
      on_device(context, args), tiles);
}

template <class T> void attention_backward(ThisDevice, Context& context, const AttentionBackward<T>& args) {
  const AttentionForward<T>& f = args.forward;
  const int query_tiles = args.dquery || args.dbias ? most_tiles(f.query_offsets, tile_queries) : 0;
  const int key_tiles = args.dkeys || args.dvalues ? most_tiles(f.key_offsets, tile_keys) : 0;
  if (query_tiles + key_tiles == 0) return;
  launch<attention_backward_kernel<T>>(
      context,
      {.grid =
           dim3(blocks_for(std::int64_t{f.segments()} * (query_tiles + key_tiles), 1), static_cast<unsigned>(f.heads)),
       .block = threads},
      on_device(context, f), args, query_tiles, key_tiles);
}

template void attention_forward(ThisDevice, Context&, const AttentionForward<float>&);
template void attention_forward(ThisDevice, Context&, const AttentionForward<double>&);
template void attention_backward(ThisDevice, Context&, const AttentionBackward<float>&);
template void attention_backward(ThisDevice, Context&, const AttentionBackward<double>&);

}  // namespace ethreed
