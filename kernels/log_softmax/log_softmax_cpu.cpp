#include "kernels/common/math.h"
#include "kernels/log_softmax/log_softmax.h"

#include <algorithm>
#include <array>

namespace ethreed {

namespace {

/// By shape alone; a row of a vocabulary is a chunk of its own.
std::int64_t rows_per_chunk(std::int64_t columns) { return std::max<std::int64_t>(1, 8192 / columns); }

/// Σ x_k in the order of math::log_sum_exp.
template <class T> T row_sum(const T* x, std::int64_t n) {
  constexpr std::int64_t lanes = math::row_lanes;
  const std::int64_t full = n / lanes * lanes;
  std::array<T, lanes> sum{};
  for (std::int64_t k = 0; k < full; k += lanes)
    for (std::size_t l = 0; l < lanes; ++l) sum[l] += x[k + l];
  for (std::int64_t k = full; k < n; ++k) sum[k - full] += x[k];
  for (std::size_t width = lanes / 2; width > 0; width /= 2)
    for (std::size_t l = 0; l < width; ++l) sum[l] += sum[l + width];
  return sum[0];
}

}  // namespace

template <class T> void log_softmax_forward(Cpu, Context& context, const LogSoftmaxForward<T>& args) {
  const std::int64_t columns = args.columns;
  ETHREED_ASSERT(args.rows == 0 || columns >= 1);
  if (args.rows == 0) return;
  context.pool.parallel_ranges(args.rows, rows_per_chunk(columns), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      const T* x = args.x + row * columns;
      const math::LogSumExp<T> lse = math::log_sum_exp(x, columns, row + 1 < end ? x + columns : x);
      T* __restrict y = args.y + row * columns;
      for (std::int64_t k = 0; k < columns; ++k) y[k] = lse.log_probability(x[k]);
    }
  });
}

template <class T> void log_softmax_backward(Cpu, Context& context, const LogSoftmaxBackward<T>& args) {
  const LogSoftmaxForward<T>& f = args.forward;
  if (!args.dx || f.rows == 0) return;
  const std::int64_t columns = f.columns;
  context.pool.parallel_ranges(f.rows, rows_per_chunk(columns), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      const T* y = f.y + row * columns;
      const T* dy = args.dy + row * columns;
      const T sum = row_sum(dy, columns);
      T* __restrict dx = args.dx.data + row * columns;
      if (args.dx.accumulate)
        for (std::int64_t k = 0; k < columns; ++k) dx[k] += dy[k] - math::exp(y[k]) * sum;
      else
        for (std::int64_t k = 0; k < columns; ++k) dx[k] = dy[k] - math::exp(y[k]) * sum;
    }
  });
}

template void log_softmax_forward(Cpu, Context&, const LogSoftmaxForward<float>&);
template void log_softmax_forward(Cpu, Context&, const LogSoftmaxForward<double>&);
template void log_softmax_backward(Cpu, Context&, const LogSoftmaxBackward<float>&);
template void log_softmax_backward(Cpu, Context&, const LogSoftmaxBackward<double>&);

}  // namespace ethreed
