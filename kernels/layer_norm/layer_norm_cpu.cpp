#include "kernels/common/lane_sum.h"
#include "kernels/layer_norm/layer_norm.h"

#include <algorithm>

// Before a loop in which no iteration reads what another one writes, whatever the pointers may be. Clang looks at the
// pointers when the loop runs.
#ifdef __clang__
#define INDEPENDENT_ITERATIONS
#else
#define INDEPENDENT_ITERATIONS _Pragma("GCC ivdep")
#endif

namespace ethreed {

namespace {

constexpr std::int64_t rows_per_chunk = 32;  // the doc block's workspace and order of reduction have it
constexpr std::int64_t columns_per_chunk = 512;

/// dx of a row.
template <class T> void row_backward(const LayerNormBackward<T>& args, std::int64_t row, T scale) {
  const LayerNormForward<T>& f = args.forward;
  const std::int64_t n = f.columns;
  const T* x = f.x + row * n;
  const T* dy = args.dy + row * n;
  const T* gamma = f.gamma;
  const T mean = f.mean[row];
  const T mean_h = lane_sum<T>(n, [=](std::int64_t k) { return dy[k] * gamma[k]; }) / static_cast<T>(f.columns);
  const T bend = norm::curvature(f, f.deviation[row], scale) *
                 lane_sum<T>(n, [=](std::int64_t k) { return dy[k] * gamma[k] * (x[k] - mean); });
  T* __restrict dx = args.dx.data + row * n;
  const auto gradient = [=](std::int64_t k) { return (dy[k] * gamma[k] - mean_h) * scale - (x[k] - mean) * bend; };
  if (args.dx.accumulate)
    for (std::int64_t k = 0; k < n; ++k) dx[k] += gradient(k);
  else
    for (std::int64_t k = 0; k < n; ++k) dx[k] = gradient(k);
}

/// Σ_chunks parts[chunk, part, ·] into one of the two gradients.
template <class T>
void add_parts(const T* parts, std::int64_t chunks, std::int64_t stride, std::int64_t begin, std::int64_t end,
               const GradientSink<T>& sink) {
  if (!sink) return;
  if (!sink.accumulate) std::fill(sink.data + begin, sink.data + end, T{0});
  for (std::int64_t chunk = 0; chunk < chunks; ++chunk)
    for (std::int64_t k = begin; k < end; ++k) sink.data[k] += parts[chunk * stride + k];
}

}  // namespace

template <class T> void layer_norm_forward(Cpu, Context& context, const LayerNormForward<T>& args) {
  const std::int64_t n = args.columns;
  ETHREED_ASSERT(args.rows == 0 || n >= (args.form == LayerNormForm::usual ? 1 : 2));
  context.pool.parallel_ranges(args.rows, rows_per_chunk, [&](std::int64_t begin, std::int64_t end) {
    const T* gamma = args.gamma;
    const T* beta = args.beta;
    for (std::int64_t row = begin; row < end; ++row) {
      const T* x = args.x + row * n;
      const T mean = lane_sum<T>(n, [=](std::int64_t k) { return x[k]; }) / static_cast<T>(args.columns);
      const T squares = lane_sum<T>(n, [=](std::int64_t k) {
        const T c = x[k] - mean;
        return c * c;
      });
      const T deviation = norm::deviation(args, squares);
      const T scale = norm::scale(args, deviation);
      T* y = args.y + row * n;
      INDEPENDENT_ITERATIONS  // y may be x, nothing else
          for (std::int64_t k = 0; k < n; ++k) y[k] = (x[k] - mean) * scale * gamma[k] + beta[k];
      args.mean[row] = mean;
      args.deviation[row] = deviation;
    }
  });
}

template <class T> void layer_norm_backward(Cpu, Context& context, const LayerNormBackward<T>& args) {
  const LayerNormForward<T>& f = args.forward;
  const std::int64_t n = f.columns, chunks = (f.rows + rows_per_chunk - 1) / rows_per_chunk;
  const bool sums = args.dgamma || args.dbeta;
  ArenaScope scratch(context.scratch);
  T* parts =
      sums && chunks > 0 ? scratch.allocate<T>(2 * chunks * n) : nullptr;  // of every chunk dgamma's, then dbeta's
  context.pool.parallel_ranges(f.rows, rows_per_chunk, [&](std::int64_t begin, std::int64_t end) {
    T* __restrict dgamma = sums ? parts + begin / rows_per_chunk * 2 * n : nullptr;
    if (sums) std::fill_n(dgamma, 2 * n, T{0});
    for (std::int64_t row = begin; row < end; ++row) {
      const T mean = f.mean[row], scale = norm::scale(f, f.deviation[row]);
      if (args.dx) row_backward(args, row, scale);
      const T* x = f.x + row * n;
      const T* dy = args.dy + row * n;
      if (args.dgamma)
        for (std::int64_t k = 0; k < n; ++k) dgamma[k] += dy[k] * ((x[k] - mean) * scale);
      if (args.dbeta)
        for (std::int64_t k = 0; k < n; ++k) dgamma[n + k] += dy[k];
    }
  });
  if (!sums) return;
  context.pool.parallel_ranges(n, columns_per_chunk, [&](std::int64_t begin, std::int64_t end) {
    add_parts(parts, chunks, 2 * n, begin, end, args.dgamma);
    add_parts(parts + n, chunks, 2 * n, begin, end, args.dbeta);
  });
}

template void layer_norm_forward(Cpu, Context&, const LayerNormForward<float>&);
template void layer_norm_forward(Cpu, Context&, const LayerNormForward<double>&);
template void layer_norm_backward(Cpu, Context&, const LayerNormBackward<float>&);
template void layer_norm_backward(Cpu, Context&, const LayerNormBackward<double>&);

}  // namespace ethreed
