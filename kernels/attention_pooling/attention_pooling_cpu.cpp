#include "kernels/attention_pooling/attention_pooling.h"
#include "kernels/common/math.h"

#include <algorithm>
#include <array>

namespace ethreed {

namespace {

constexpr std::int64_t columns_per_chunk = 128;

/// Entries of one segment.
struct Entries {
  int begin, end;
};

template <class T> Entries entries_of(const AttentionPoolingForward<T>& args, std::int64_t segment) {
  return {args.offsets[segment], args.offsets[segment + 1]};
}

template <class T> std::int64_t source_row(const AttentionPoolingForward<T>& args, int entry) {
  const std::int64_t row = args.rows == nullptr ? entry : args.rows[entry];
  ETHREED_ASSERT(row >= 0 && row < args.source_rows);
  return row;
}

/// α of one segment. A NaN among its scores makes all of them NaN.
template <class T> void weigh(const AttentionPoolingForward<T>& args, Entries entries) {
  T* const weights = args.weights;
  if (args.scores == nullptr) {
    std::fill(weights + entries.begin, weights + entries.end, T{1} / static_cast<T>(entries.end - entries.begin));
    return;
  }
  const T high = *std::max_element(args.scores + entries.begin, args.scores + entries.end);
  T sum{0};
  for (int j = entries.begin; j < entries.end; ++j) weights[j] = math::exp(args.scores[j] - high);
  for (int j = entries.begin; j < entries.end; ++j) sum += weights[j];
  for (int j = entries.begin; j < entries.end; ++j) weights[j] /= sum;
}

/// dy·(x − y) in sixteen interleaved sums, so that the loop vectorises without reordering what is written here.
template <class T> T dot_difference(const T* dy, const T* x, const T* y, int n) {
  constexpr int lanes = 16;
  std::array<T, lanes> sums{};
  int i = 0;
  for (; i + lanes <= n; i += lanes)
    for (int lane = 0; lane < lanes; ++lane) sums[lane] += dy[i + lane] * (x[i + lane] - y[i + lane]);
  T total{0};
  for (const T sum : sums) total += sum;
  for (; i < n; ++i) total += dy[i] * (x[i] - y[i]);
  return total;
}

template <class T> void scores_backward(const AttentionPoolingBackward<T>& args, std::int64_t segment) {
  const AttentionPoolingForward<T>& f = args.forward;
  const Entries entries = entries_of(f, segment);
  const T* dy = args.dy + segment * f.columns;
  const T* y = f.y + segment * f.columns;
  for (int j = entries.begin; j < entries.end; ++j) {
    const T* x = f.x + source_row(f, j) * f.columns;
    const T dscore = f.weights[j] * dot_difference(dy, x, y, f.columns);
    args.dscores.data[j] = (args.dscores.accumulate ? args.dscores.data[j] : T{0}) + dscore;
  }
}

/// Columns begin … end − 1 of dx: entries of any segment may read the same row.
template <class T> void rows_backward(const AttentionPoolingBackward<T>& args, std::int64_t begin, std::int64_t end) {
  const AttentionPoolingForward<T>& f = args.forward;
  if (!args.dx.accumulate)
    for (std::int64_t r = 0; r < f.source_rows; ++r)
      std::fill(args.dx.data + r * f.columns + begin, args.dx.data + r * f.columns + end, T{0});
  for (int s = 0; s < f.segments(); ++s) {
    const Entries entries = entries_of(f, s);
    const T* __restrict dy = args.dy + std::int64_t{s} * f.columns;
    for (int j = entries.begin; j < entries.end; ++j) {
      T* __restrict dx = args.dx.data + source_row(f, j) * f.columns;
      const T weight = f.weights[j];
      for (std::int64_t c = begin; c < end; ++c) dx[c] += weight * dy[c];
    }
  }
}

}  // namespace

template <class T> void attention_pooling_forward(Cpu, Context& context, const AttentionPoolingForward<T>& args) {
  context.pool.parallel_for(args.segments(), [&](std::int64_t s) {
    const Entries entries = entries_of(args, s);
    ETHREED_ASSERT(entries.end > entries.begin);
    weigh(args, entries);
    T* __restrict y = args.y + s * args.columns;
    std::fill_n(y, args.columns, T{0});
    for (int j = entries.begin; j < entries.end; ++j) {
      const T* __restrict x = args.x + source_row(args, j) * args.columns;
      const T weight = args.weights[j];
      for (int c = 0; c < args.columns; ++c) y[c] += weight * x[c];
    }
  });
}

template <class T> void attention_pooling_backward(Cpu, Context& context, const AttentionPoolingBackward<T>& args) {
  if (args.dscores)
    context.pool.parallel_for(args.forward.segments(), [&](std::int64_t s) { scores_backward(args, s); });
  if (args.dx)
    context.pool.parallel_ranges(args.forward.columns, columns_per_chunk,
                                 [&](std::int64_t begin, std::int64_t end) { rows_backward(args, begin, end); });
}

template void attention_pooling_forward(Cpu, Context&, const AttentionPoolingForward<float>&);
template void attention_pooling_forward(Cpu, Context&, const AttentionPoolingForward<double>&);
template void attention_pooling_backward(Cpu, Context&, const AttentionPoolingBackward<float>&);
template void attention_pooling_backward(Cpu, Context&, const AttentionPoolingBackward<double>&);

}  // namespace ethreed
