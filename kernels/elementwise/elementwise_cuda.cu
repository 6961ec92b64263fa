#include "kernels/common/block.h"
#include "kernels/common/launch.h"
#include "kernels/elementwise/elementwise.h"

namespace ethreed {

namespace {

constexpr int threads = 256;

/// A thread is one element.
template <class T, class F> __global__ void elementwise_forward_kernel(ElementwiseForward<T> f) {
  const std::int64_t k = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (k < f.count) f.y[k] = elementwise::value_at<F>(f, k);
}

/// All gradients of an element, by one thread.
template <class T, class F> __global__ void elementwise_backward_kernel(ElementwiseBackward<T> args) {
  const std::int64_t k = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (k >= args.forward.count) return;
  if (args.da) put(args.da, k, elementwise::to_a_at<F>(args, k));
  if constexpr (F::inputs == 2)
    if (args.db) put(args.db, k, elementwise::to_b_at<F>(args, k));
}

template <class F, class T> void run_forward(Context& context, const ElementwiseForward<T>& args) {
  launch<elementwise_forward_kernel<T, F>>(context, {.grid = blocks_for(args.count, threads), .block = threads}, args);
}

template <class F, class T> void run_backward(Context& context, const ElementwiseBackward<T>& args) {
  launch<elementwise_backward_kernel<T, F>>(context,
                                            {.grid = blocks_for(args.forward.count, threads), .block = threads}, args);
}

}  // namespace

template <class T> void elementwise_forward(ThisDevice, Context& context, const ElementwiseForward<T>& args) {
  if (args.count == 0) return;
  elementwise::with_function(args.function, [&]<class F>(F) { run_forward<F>(context, args); });
}

template <class T> void elementwise_backward(ThisDevice, Context& context, const ElementwiseBackward<T>& args) {
  if (args.forward.count == 0 || (!args.da && !args.db)) return;
  elementwise::with_function(args.forward.function, [&]<class F>(F) { run_backward<F>(context, args); });
}

template void elementwise_forward(ThisDevice, Context&, const ElementwiseForward<float>&);
template void elementwise_forward(ThisDevice, Context&, const ElementwiseForward<double>&);
template void elementwise_backward(ThisDevice, Context&, const ElementwiseBackward<float>&);
template void elementwise_backward(ThisDevice, Context&, const ElementwiseBackward<double>&);

}  // namespace ethreed
