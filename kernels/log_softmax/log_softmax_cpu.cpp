#include "kernels/common/lane_sum.h"
#include "kernels/log_softmax/log_softmax.h"

#include <algorithm>

namespace ethreed {

namespace {

/// By shape alone; a row of a vocabulary is a chunk of its own.
std::int64_t rows_per_chunk(std::int64_t columns) { return std::max<std::int64_t>(1, 8192 / columns); }

template <class Output, class T> void run_forward(Context& context, const LogSoftmaxForward<T>& args) {
  const std::int64_t columns = args.columns;
  context.pool.parallel_ranges(args.rows, rows_per_chunk(columns), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      const T* x = args.x + row * columns;
      const math::LogSumExp<T> lse = math::log_sum_exp(x, columns, row + 1 < end ? x + columns : x);
      T* __restrict y = args.y + row * columns;
      for (std::int64_t k = 0; k < columns; ++k) y[k] = Output::value(lse, x[k]);
    }
  });
}

template <class Output, class T> void run_backward(Context& context, const LogSoftmaxBackward<T>& args) {
  const LogSoftmaxForward<T>& f = args.forward;
  const std::int64_t columns = f.columns;
  context.pool.parallel_ranges(f.rows, rows_per_chunk(columns), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      const T* y = f.y + row * columns;
      const T* dy = args.dy + row * columns;
      const T sum = lane_sum<T>(columns, [=](std::int64_t k) { return Output::term(y[k], dy[k]); });
      T* __restrict dx = args.dx.data + row * columns;
      if (args.dx.accumulate)
        for (std::int64_t k = 0; k < columns; ++k) dx[k] += Output::gradient(y[k], dy[k], sum);
      else
        for (std::int64_t k = 0; k < columns; ++k) dx[k] = Output::gradient(y[k], dy[k], sum);
    }
  });
}

}  // namespace

template <class T> void log_softmax_forward(Cpu, Context& context, const LogSoftmaxForward<T>& args) {
  ETHREED_ASSERT(args.rows == 0 || args.columns >= 1);
  if (args.rows == 0) return;
  softmax_output::with_output(args, [&]<class Output>(Output) { run_forward<Output>(context, args); });
}

template <class T> void log_softmax_backward(Cpu, Context& context, const LogSoftmaxBackward<T>& args) {
  if (!args.dx || args.forward.rows == 0) return;
  softmax_output::with_output(args.forward, [&]<class Output>(Output) { run_backward<Output>(context, args); });
}

template void log_softmax_forward(Cpu, Context&, const LogSoftmaxForward<float>&);
template void log_softmax_forward(Cpu, Context&, const LogSoftmaxForward<double>&);
template void log_softmax_backward(Cpu, Context&, const LogSoftmaxBackward<float>&);
template void log_softmax_backward(Cpu, Context&, const LogSoftmaxBackward<double>&);

}  // namespace ethreed
