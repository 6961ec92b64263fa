#include "kernels/common/block.h"
#include "kernels/common/launch.h"
#include "kernels/slice_columns/slice_columns.h"

namespace ethreed {

namespace {

constexpr int threads = 256;

__device__ std::int64_t element_of_thread() { return std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x; }

template <class T> __global__ void slice_columns_forward_kernel(SliceColumnsForward<T> f) {
  const std::int64_t k = element_of_thread(), row = k / f.count;
  if (row < f.rows) f.y[k] = f.x[row * f.columns + f.first + k % f.count];
}

/// The thread's element is one of dx, or of the slice alone where it accumulates: others stay as they are.
template <class T> __global__ void slice_columns_backward_kernel(SliceColumnsBackward<T> args) {
  const SliceColumnsForward<T>& f = args.forward;
  const int skipped = args.dx.accumulate ? f.first : 0, width = args.dx.accumulate ? f.count : f.columns;
  const std::int64_t k = element_of_thread(), row = k / width;
  if (row >= f.rows) return;
  const auto column = static_cast<int>(k % width) + skipped;
  const int from = column - f.first;
  put(args.dx, row * f.columns + column, from >= 0 && from < f.count ? args.dy[row * f.count + from] : T{0});
}

LaunchShape a_thread_each(std::int64_t elements) { return {.grid = blocks_for(elements, threads), .block = threads}; }

}  // namespace

template <class T> void slice_columns_forward(ThisDevice, Context& context, const SliceColumnsForward<T>& args) {
  const std::int64_t elements = std::int64_t{args.rows} * args.count;
  if (elements > 0) launch<slice_columns_forward_kernel<T>>(context, a_thread_each(elements), args);
}

template <class T> void slice_columns_backward(ThisDevice, Context& context, const SliceColumnsBackward<T>& args) {
  if (!args.dx) return;
  const SliceColumnsForward<T>& f = args.forward;
  const std::int64_t elements = std::int64_t{f.rows} * (args.dx.accumulate ? f.count : f.columns);
  if (elements > 0) launch<slice_columns_backward_kernel<T>>(context, a_thread_each(elements), args);
}

template void slice_columns_forward(ThisDevice, Context&, const SliceColumnsForward<float>&);
template void slice_columns_forward(ThisDevice, Context&, const SliceColumnsForward<double>&);
template void slice_columns_backward(ThisDevice, Context&, const SliceColumnsBackward<float>&);
template void slice_columns_backward(ThisDevice, Context&, const SliceColumnsBackward<double>&);

}  // namespace ethreed
