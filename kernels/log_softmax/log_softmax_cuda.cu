#include "kernels/common/row_log_sum_exp.h"
#include "kernels/log_softmax/log_softmax.h"

namespace ethreed {

namespace {

constexpr int block_threads = 256;

bool row_has_a_warp(int columns) { return columns <= log_softmax_warp_columns; }
LaunchShape a_block_a_row(int rows) { return {.grid = static_cast<unsigned>(rows), .block = block_threads}; }

/// A warp is one row.
template <class T, class Output> __global__ void log_softmax_warp_forward_kernel(LogSoftmaxForward<T> f) {
  const int row = row_of_warp();
  if (row >= f.rows) return;  // all lanes of the warp
  const std::int64_t start = std::int64_t{row} * f.columns;
  const math::LogSumExp<T> lse = warp_log_sum_exp(f.x + start, f.columns);
  for (int k = lane_index(); k < f.columns; k += warp_size) f.y[start + k] = Output::value(lse, f.x[start + k]);
}

/// A block is one row.
template <class T, class Output> __global__ void log_softmax_block_forward_kernel(LogSoftmaxForward<T> f) {
  const std::int64_t start = std::int64_t{blockIdx.x} * f.columns;
  const T* x = f.x + start;
  T* y = f.y + start;
  const math::LogSumExp<T> lse = block_log_sum_exp<struct LogSoftmaxLse>(x, f.columns);
  walk_row(
      x, f.columns, aligned_alike<T>(x, y), [&](int k) { y[k] = Output::value(lse, x[k]); },
      [&](int k) {
        const Vector4<T> v = load4(x + k);
        store4(y + k,
               {Output::value(lse, v.x), Output::value(lse, v.y), Output::value(lse, v.z), Output::value(lse, v.w)});
      });
}

/// dx of elements first, first + step, … of a row whose sum over all its terms is `sum`.
template <class Output, class T>
__device__ void put_row(const LogSoftmaxBackward<T>& args, std::int64_t start, T sum, int first, int step) {
  for (int k = first; k < args.forward.columns; k += step)
    put(args.dx, start + k, Output::gradient(args.forward.y[start + k], args.dy[start + k], sum));
}
/// The thread's part of that sum.
template <class Output, class T>
__device__ T part_of_sum(const LogSoftmaxBackward<T>& args, std::int64_t start, int first, int step) {
  T sum{0};
  for (int k = first; k < args.forward.columns; k += step)
    sum += Output::term(args.forward.y[start + k], args.dy[start + k]);
  return sum;
}

/// A warp is one row.
template <class T, class Output> __global__ void log_softmax_warp_backward_kernel(LogSoftmaxBackward<T> args) {
  const int row = row_of_warp();
  if (row >= args.forward.rows) return;
  const std::int64_t start = std::int64_t{row} * args.forward.columns;
  const T sum = warp_sum(part_of_sum<Output>(args, start, lane_index(), warp_size));
  put_row<Output>(args, start, sum, lane_index(), warp_size);
}

/// A block is one row.
template <class T, class Output> __global__ void log_softmax_block_backward_kernel(LogSoftmaxBackward<T> args) {
  const std::int64_t start = std::int64_t{blockIdx.x} * args.forward.columns;
  const T sum = block_sum<struct LogSoftmaxSum>(part_of_sum<Output>(args, start, thread_index(), block_threads));
  put_row<Output>(args, start, sum, thread_index(), block_threads);
}

}  // namespace

template <class T> void log_softmax_forward(ThisDevice, Context& context, const LogSoftmaxForward<T>& args) {
  if (args.rows == 0) return;
  softmax_output::with_output(args, [&]<class Output>(Output) {
    if (row_has_a_warp(args.columns))
      launch<log_softmax_warp_forward_kernel<T, Output>>(context, a_warp_a_row(args.rows), args);
    else
      launch<log_softmax_block_forward_kernel<T, Output>>(context, a_block_a_row(args.rows), args);
  });
}

template <class T> void log_softmax_backward(ThisDevice, Context& context, const LogSoftmaxBackward<T>& args) {
  const LogSoftmaxForward<T>& f = args.forward;
  if (!args.dx || f.rows == 0) return;
  softmax_output::with_output(f, [&]<class Output>(Output) {
    if (row_has_a_warp(f.columns))
      launch<log_softmax_warp_backward_kernel<T, Output>>(context, a_warp_a_row(f.rows), args);
    else
      launch<log_softmax_block_backward_kernel<T, Output>>(context, a_block_a_row(f.rows), args);
  });
}

template void log_softmax_forward(ThisDevice, Context&, const LogSoftmaxForward<float>&);
template void log_softmax_forward(ThisDevice, Context&, const LogSoftmaxForward<double>&);
template void log_softmax_backward(ThisDevice, Context&, const LogSoftmaxBackward<float>&);
template void log_softmax_backward(ThisDevice, Context&, const LogSoftmaxBackward<double>&);

}  // namespace ethreed
