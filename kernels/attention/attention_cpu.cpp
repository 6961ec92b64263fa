// A tile of logits is a matrix product, its softmax goes row by row, and what follows is matrix products again. The
// tile lies on the stack: it stays in the cache of the core, and no chunk needs memory of its own.
#include "kernels/attention/attention.h"
#include "kernels/attention/attention_tile.h"
#include "kernels/common/math.h"

#include <algorithm>
#include <array>
#include <limits>

namespace ethreed {

namespace {

using namespace attention_cpu;

// --- forward

/// The softmax of the queries of a tile as far as keys have been seen.
template <class T> struct Softmax {
  std::array<T, tile_size> high;  ///< the largest logit
  std::array<T, tile_size> sum;   ///< Σ e^{l − high}
};

/// From l to e^{l − high}, and what all before has to be multiplied by now.
template <int width, class T> T weigh(T* row, T& high, T& sum) {
  const T here = reduce<width>(row, Larger{});
  const T top = high > here ? high : here;
  const T from = top == -std::numeric_limits<T>::infinity() ? T{0} : top;  // not −∞ + ∞ before anything but −∞ was seen
  for (int j = 0; j < width; ++j) row[j] = math::exp(row[j] - from);
  const T shrink = math::exp(high - from);
  sum = sum * shrink + reduce<width>(row, Sum{});
  high = top;
  return shrink;
}

template <class T> T* mean_row(const Part<T>& part, int i) { return part.f.mean + part.pair_at(i); }

/// A head's share of the mean of weights, which are known only when the softmax is.
template <class T>
void add_mean_weights(Context& context, Part<T> part, int keys, const Softmax<T>& softmax, Tile<T>& tile) {
  const T share = T{1} / static_cast<T>(part.f.heads);
  for (part.first_key = 0; part.first_key < keys; part.first_key += tile_size) {
    part.columns = std::min(tile_size, keys - part.first_key);
    compute_logits<tile_size>(context, part, tile);
    for (int i = 0; i < part.rows; ++i) {
      const T factor = share / softmax.sum[i];
      T* mean = mean_row(part, i);
      for (int j = 0; j < part.visible(i); ++j) mean[j] += math::exp(tile.row(i)[j] - softmax.high[i]) * factor;
    }
  }
}

/// What a chunk works on.
template <class T> struct ForwardWork {
  AttentionDropout<T> dropout;
  Softmax<T> softmax;
  Tile<T> tile, factors;
};

/// One tile of keys for queries that have seen those before.
template <int width, class T> void attend(Context& context, const Part<T>& part, ForwardWork<T>& work) {
  Softmax<T>& softmax = work.softmax;
  Tile<T>& tile = work.tile;
  const AttentionForward<T>& f = part.f;
  T* const output = f.output + part.output_at();
  const T share = T{1} / static_cast<T>(f.heads);
  compute_logits<width>(context, part, tile);
  if (work.dropout) draw(work.dropout, part, work.factors);
  for (int i = 0; i < part.rows; ++i) {
    T* row = tile.row(i);
    if (f.mean_of == AttentionMean::logits) {
      T* mean = mean_row(part, i);
      for (int j = 0; j < part.visible(i); ++j) mean[j] += row[j] * share;
    }
    const T shrink = weigh<width>(row, softmax.high[i], softmax.sum[i]);
    if (work.dropout) drop(part, work.factors.row(i), row);
    if (part.first_key == 0) continue;
    for (int c = 0; c < f.value_width; ++c) output[std::int64_t{i} * f.output_stride + c] *= shrink;
  }
  multiply_seen<T>(context, part,
                   {.m = part.rows,
                    .n = f.value_width,
                    .k = part.columns,
                    .a = tile.data,
                    .lda = tile_size,
                    .b = f.values + part.values_at(),
                    .ldb = f.values_stride,
                    .c = output,
                    .ldc = f.output_stride,
                    .accumulate = part.first_key > 0});
}

/// Queries of a tile in one head.
template <class T> void head_forward(Context& context, Part<T> part, ForwardWork<T>& work) {
  const AttentionForward<T>& f = part.f;
  const int keys = f.causal ? part.first_query + part.rows : part.segment.keys;  // that any of them sees
  Softmax<T>& softmax = work.softmax;
  softmax.high.fill(-std::numeric_limits<T>::infinity());
  softmax.sum.fill(T{0});
  for (part.first_key = 0; part.first_key < keys; part.first_key += tile_size) {
    part.columns = std::min(tile_size, keys - part.first_key);
    with_width(part.columns, [&](auto width) { attend<width>(context, part, work); });
  }
  T* const output = f.output + part.output_at();
  for (int i = 0; i < part.rows; ++i) {
    const T inverse = T{1} / softmax.sum[i];
    for (int c = 0; c < f.value_width; ++c) output[std::int64_t{i} * f.output_stride + c] *= inverse;
    f.log_sum_exp[part.head_row(i)] = softmax.high[i] + std::log(softmax.sum[i]);
  }
  if (f.mean_of == AttentionMean::weights) add_mean_weights(context, part, keys, softmax, work.tile);
}

// --- backward

/// What a chunk works on.
template <class T> struct BackwardWork {
  AttentionDropout<T> dropout;
  std::array<T, tile_size> delta{};
  Tile<T> weights, dlogits, factors;
};

/// δ of a tile's queries.
template <class T> void compute_deltas(const Part<T>& part, const T* doutput, std::array<T, tile_size>& delta) {
  const AttentionForward<T>& f = part.f;
  constexpr int lanes = 32;
  for (int i = 0; i < part.rows; ++i) {
    const std::int64_t at = part.output_at() + std::int64_t{i} * f.output_stride;
    const T *a = doutput + at, *b = f.output + at;
    std::array<T, lanes> sums{};
    int c = 0;
    for (; c + lanes <= f.value_width; c += lanes)
      for (int l = 0; l < lanes; ++l) sums[l] += a[c + l] * b[c + l];
    for (; c < f.value_width; ++c) sums[c % lanes] += a[c] * b[c];
    delta[i] = reduce<lanes>(sums.data(), Sum{});
  }
}

/// A head's part of dbias, of a query.
template <class T> void put_bias(const GradientSink<T>& dbias, const Part<T>& part, int i, const T* dlogits) {
  T* const to = dbias.data + part.pair_at(i) * part.f.heads + part.head;
  for (int j = 0; j < part.visible(i); ++j) {
    T& one = to[std::int64_t{j} * part.f.heads];
    one = dbias.accumulate ? one + dlogits[j] : dlogits[j];
  }
}

/// Causal: pairs of which the query does not see the key.
template <class T> void clear_unseen(const GradientSink<T>& dbias, const Part<T>& part) {
  if (!dbias || dbias.accumulate || !part.f.causal) return;
  const Segment& segment = part.segment;
  for (int i = 0; i < segment.queries; ++i)
    for (int j = i + 1; j < segment.keys; ++j)
      dbias.data[(segment.pair + std::int64_t{i} * segment.keys + j) * part.f.heads + part.head] = T{0};
}

/// scale·dl of a tile from its weights and from doutput·values, in place of the latter.
template <int width, class T>
void logits_backward(const AttentionBackward<T>& args, const Part<T>& part, BackwardWork<T>& work) {
  const AttentionForward<T>& f = args.forward;
  const T scale = static_cast<T>(f.scale), share = T{1} / static_cast<T>(f.heads);
  for (int i = 0; i < part.rows; ++i) {
    const T* weight = work.weights.row(i);
    T* row = work.dlogits.row(i);
    const T delta = work.delta[i];
    if (work.dropout) drop(part, work.factors.row(i), row);
    if (part.sees_one_key(i))
      std::fill_n(row, width, T{0});
    else
      for (int j = 0; j < width; ++j) row[j] = weight[j] * (row[j] - delta);
    if (args.dmean != nullptr) {
      const T* dmean = args.dmean + part.pair_at(i);
      for (int j = 0; j < part.visible(i); ++j) row[j] += dmean[j] * share;
    }
    if (args.dbias) put_bias(args.dbias, part, i, row);
    for (int j = 0; j < width; ++j) row[j] *= scale;
  }
}

/// What a tile gives to the gradients. `first`: of its queries, and of its keys, no tile came before.
struct First {
  bool of_queries, of_keys;
};

template <class T>
void products_backward(Context& context, const AttentionBackward<T>& args, const Part<T>& part, First first,
                       const Tile<T>& dlogits) {
  const AttentionForward<T>& f = args.forward;
  if (args.dquery)
    multiply_seen<T>(context, part,
                     {.m = part.rows,
                      .n = f.key_width,
                      .k = part.columns,
                      .a = dlogits.data,
                      .lda = tile_size,
                      .b = f.keys + part.keys_at(),
                      .ldb = f.keys_stride,
                      .c = args.dquery.data + part.query_at(),
                      .ldc = f.query_stride,
                      .accumulate = args.dquery.accumulate || !first.of_queries});
  if (args.dkeys)
    multiply_seen<T>(context, part,
                     {.a_transposed = true,
                      .m = part.columns,
                      .n = f.key_width,
                      .k = part.rows,
                      .a = dlogits.data,
                      .lda = tile_size,
                      .b = f.query + part.query_at(),
                      .ldb = f.query_stride,
                      .c = args.dkeys.data + part.keys_at(),
                      .ldc = f.keys_stride,
                      .accumulate = args.dkeys.accumulate || !first.of_keys});
}

template <int width, class T>
void tile_backward(Context& context, const AttentionBackward<T>& args, const Part<T>& part, First first,
                   BackwardWork<T>& work) {
  const AttentionForward<T>& f = args.forward;
  compute_logits<width>(context, part, work.weights);
  if (work.dropout) draw(work.dropout, part, work.factors);
  for (int i = 0; i < part.rows; ++i) {
    const T log_sum_exp = f.log_sum_exp[part.head_row(i)];
    T* row = work.weights.row(i);
    for (int j = 0; j < width; ++j) row[j] = math::exp(row[j] - log_sum_exp);
  }
  if (args.dquery || args.dkeys || args.dbias) {
    gemm<T>(context, {.b_transposed = true,
                      .m = part.rows,
                      .n = part.columns,
                      .k = f.value_width,
                      .a = args.doutput + part.output_at(),
                      .lda = f.output_stride,
                      .b = f.values + part.values_at(),
                      .ldb = f.values_stride,
                      .c = work.dlogits.data,
                      .ldc = tile_size});
    logits_backward<width>(args, part, work);
    products_backward(context, args, part, first, work.dlogits);
  }
  if (!args.dvalues) return;
  for (int i = 0; i < part.rows && work.dropout; ++i) drop(part, work.factors.row(i), work.weights.row(i));
  multiply_seen<T>(context, part,
                   {.a_transposed = true,
                    .m = part.columns,
                    .n = f.value_width,
                    .k = part.rows,
                    .a = work.weights.data,
                    .lda = tile_size,
                    .b = args.doutput + part.output_at(),
                    .ldb = f.output_stride,
                    .c = args.dvalues.data + part.values_at(),
                    .ldc = f.values_stride,
                    .accumulate = args.dvalues.accumulate || !first.of_keys});
}

/// Keys that no query sees.
template <class T> void clear_columns(const GradientSink<T>& sink, std::int64_t at, int rows, int stride, int columns) {
  if (!sink || sink.accumulate) return;
  for (int j = 0; j < rows; ++j) std::fill_n(sink.data + at + std::int64_t{j} * stride, columns, T{0});
}

/// A segment in one head.
template <class T>
void head_backward(Context& context, const AttentionBackward<T>& args, int s, int head,
                   const AttentionDropout<T>& dropout) {
  const AttentionForward<T>& f = args.forward;
  Part<T> part{f, segment_of(f, s), head, 0, 0, 0, 0};
  const Segment& segment = part.segment;
  if (segment.queries == 0) {
    clear_columns(args.dkeys, part.keys_at(), segment.keys, f.keys_stride, f.key_width);
    clear_columns(args.dvalues, part.values_at(), segment.keys, f.values_stride, f.value_width);
    return;
  }
  clear_unseen(args.dbias, part);
  BackwardWork<T> work{.dropout = dropout};
  work.weights.clear(std::min(tile_size, segment.queries));
  work.dlogits.clear(std::min(tile_size, segment.queries));
  for (part.first_query = 0; part.first_query < segment.queries; part.first_query += tile_size) {
    part.rows = std::min(tile_size, segment.queries - part.first_query);
    if (args.dquery || args.dkeys || args.dbias) compute_deltas(part, args.doutput, work.delta);
    const int keys = f.causal ? part.first_query + part.rows : segment.keys;
    for (part.first_key = 0; part.first_key < keys; part.first_key += tile_size) {
      part.columns = std::min(tile_size, keys - part.first_key);
      const First first{part.first_key == 0, part.first_query == (f.causal ? part.first_key : 0)};
      with_width(part.columns, [&](auto width) { tile_backward<width>(context, args, part, first, work); });
    }
  }
}

}  // namespace

template <class T> void attention_forward(Cpu, Context& context, const AttentionForward<T>& args) {
  const AttentionDropout<T> dropout = dropout_of(args);
  const bool with_mean = args.mean_of != AttentionMean::none;
  const int tiles = most_tiles(args.query_offsets), groups = with_mean ? 1 : args.heads;
  context.pool.parallel_for(std::int64_t{args.segments()} * tiles * groups, [&](std::int64_t chunk) {
    const int s = static_cast<int>(chunk / groups / tiles);
    const int head = static_cast<int>(chunk % groups);
    const int first_query = static_cast<int>(chunk / groups % tiles) * tile_size;
    Part<T> part{args, segment_of(args, s), head, first_query, 0, 0, 0};
    part.rows = std::min(tile_size, part.segment.queries - first_query);
    if (part.rows <= 0) return;
    if (with_mean) std::fill_n(mean_row(part, 0), std::int64_t{part.rows} * part.segment.keys, T{0});
    ForwardWork<T> work{.dropout = dropout};
    work.tile.clear(part.rows);
    for (; part.head < (with_mean ? args.heads : head + 1); ++part.head) head_forward(context, part, work);
  });
}

template <class T> void attention_backward(Cpu, Context& context, const AttentionBackward<T>& args) {
  if (!(args.dquery || args.dkeys || args.dvalues || args.dbias)) return;
  const AttentionForward<T>& f = args.forward;
  const AttentionDropout<T> dropout = dropout_of(f);
  context.pool.parallel_for(std::int64_t{f.segments()} * f.heads, [&](std::int64_t chunk) {
    head_backward(context, args, static_cast<int>(chunk / f.heads), static_cast<int>(chunk % f.heads), dropout);
  });
}

template void attention_forward(Cpu, Context&, const AttentionForward<float>&);
template void attention_forward(Cpu, Context&, const AttentionForward<double>&);
template void attention_backward(Cpu, Context&, const AttentionBackward<float>&);
template void attention_backward(Cpu, Context&, const AttentionBackward<double>&);

}  // namespace ethreed
