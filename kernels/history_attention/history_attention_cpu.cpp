// Histories are short (a handful of utterances) and their rows lie apart in the time-major layout, so plain dot
// products and scaled additions do the work: a GEMM would need every sequence copied together first.
#include "kernels/common/math.h"
#include "kernels/history_attention/history_attention.h"

#include <algorithm>
#include <array>

namespace ethreed {

namespace {

/// a·b in sixteen interleaved sums, so that the loop vectorises without reordering what is written here.
template <class T> T dot(const T* a, const T* b, int n) {
  constexpr int lanes = 16;
  std::array<T, lanes> sums{};
  int i = 0;
  for (; i + lanes <= n; i += lanes)
    for (int lane = 0; lane < lanes; ++lane) sums[lane] += a[i + lane] * b[i + lane];
  T total{0};
  for (T sum : sums) total += sum;
  for (; i < n; ++i) total += a[i] * b[i];
  return total;
}

/// y += factor·x
template <class T> void add_scaled(T* y, T factor, const T* x, int n) {
  for (int i = 0; i < n; ++i) y[i] += factor * x[i];
}

/// Row of (step, sequence) in an array [rows, columns].
template <class T> T* row_at(T* data, const Packing& packing, int step, int sequence, int columns) {
  return data + std::int64_t{packing.row(step, sequence)} * columns;
}

int length_of(const Packing& packing, int sequence) {
  int length = 0;
  while (length < packing.steps() && packing.alive(length) > sequence) ++length;
  return length;
}

template <class T> void softmax(T* x, int n) {
  const T high = *std::max_element(x, x + n);
  T sum{0};
  for (int j = 0; j < n; ++j) x[j] = math::exp(x[j] - high);
  for (int j = 0; j < n; ++j) sum += x[j];
  for (int j = 0; j < n; ++j) x[j] /= sum;
}

template <class T> void sequence_forward(const HistoryAttentionForward<T>& args, int b) {
  const Packing& packing = args.packing;
  const int q = args.query_columns, g = args.value_columns, length = length_of(packing, b);
  for (int k = 0; k < length; ++k) {
    T* a = row_at(args.a, packing, k, b, g);
    std::fill_n(a, g, T{0});
    if (k == 0) continue;
    const T* query = row_at(args.query, packing, k, b, q);
    T* beta = row_at(args.beta, packing, k, b, packing.steps());
    for (int j = 0; j < k; ++j) beta[j] = dot(query, row_at(args.keys, packing, j, b, q), q);
    softmax(beta, k);
    for (int j = 0; j < k; ++j) add_scaled(a, beta[j], row_at(args.values, packing, j, b, g), g);
  }
}

/// Zeros where a gradient is overwritten: a step of which nothing depends (the first query, the last key) stays so.
template <class T> void clear(const GradientSink<T>& sink, const Packing& packing, int b, int length, int columns) {
  if (!sink || sink.accumulate) return;
  for (int k = 0; k < length; ++k) std::fill_n(row_at(sink.data, packing, k, b, columns), columns, T{0});
}

/// dscore_kj for j < k.
template <class T> void scores_backward(const HistoryAttentionBackward<T>& args, int b, int k, T* dscore) {
  const HistoryAttentionForward<T>& f = args.forward;
  const int g = f.value_columns;
  const T* beta = row_at(f.beta, f.packing, k, b, f.packing.steps());
  const T* da = row_at(args.da, f.packing, k, b, g);
  T mean{0};
  for (int j = 0; j < k; ++j) {
    dscore[j] = dot(da, row_at(f.values, f.packing, j, b, g), g);
    mean += beta[j] * dscore[j];
  }
  for (int j = 0; j < k; ++j) dscore[j] = beta[j] * (dscore[j] - mean);
}

template <class T> void sequence_backward(const HistoryAttentionBackward<T>& args, int b, T* dscore) {
  const HistoryAttentionForward<T>& f = args.forward;
  const Packing& packing = f.packing;
  const int q = f.query_columns, g = f.value_columns, length = length_of(packing, b);
  clear(args.dquery, packing, b, length, q);
  clear(args.dkeys, packing, b, length, q);
  clear(args.dvalues, packing, b, length, g);
  for (int k = 1; k < length; ++k) {
    if (args.dquery || args.dkeys) scores_backward(args, b, k, dscore);
    const T* query = row_at(f.query, packing, k, b, q);
    const T* beta = row_at(f.beta, packing, k, b, packing.steps());
    const T* da = row_at(args.da, packing, k, b, g);
    for (int j = 0; j < k; ++j) {
      if (args.dquery)
        add_scaled(row_at(args.dquery.data, packing, k, b, q), dscore[j], row_at(f.keys, packing, j, b, q), q);
      if (args.dkeys) add_scaled(row_at(args.dkeys.data, packing, j, b, q), dscore[j], query, q);
      if (args.dvalues) add_scaled(row_at(args.dvalues.data, packing, j, b, g), beta[j], da, g);
    }
  }
}

}  // namespace

template <class T> void history_attention_forward(Cpu, Context& context, const HistoryAttentionForward<T>& args) {
  context.pool.parallel_for(args.packing.sequences(),
                            [&](std::int64_t b) { sequence_forward(args, static_cast<int>(b)); });
}

template <class T> void history_attention_backward(Cpu, Context& context, const HistoryAttentionBackward<T>& args) {
  const Packing& packing = args.forward.packing;
  ArenaScope scratch(context.scratch);
  T* dscore = scratch.allocate<T>(std::int64_t{packing.sequences()} * packing.steps());
  context.pool.parallel_for(packing.sequences(), [&](std::int64_t b) {
    sequence_backward(args, static_cast<int>(b), dscore + b * packing.steps());
  });
}

template void history_attention_forward(Cpu, Context&, const HistoryAttentionForward<float>&);
template void history_attention_forward(Cpu, Context&, const HistoryAttentionForward<double>&);
template void history_attention_backward(Cpu, Context&, const HistoryAttentionBackward<float>&);
template void history_attention_backward(Cpu, Context&, const HistoryAttentionBackward<double>&);

}  // namespace ethreed
