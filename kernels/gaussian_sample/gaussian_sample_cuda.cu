#include "kernels/common/block.h"
#include "kernels/common/launch.h"
#include "kernels/common/math.h"
#include "kernels/gaussian_sample/gaussian_sample.h"

namespace ethreed {

namespace {

constexpr int threads = 256;

/// sample = mean + exp(λ / 2)·noise. A thread is one element.
template <class T> __global__ void gaussian_sample_forward_kernel(GaussianSampleForward<T> f) {
  const std::int64_t i = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i < f.count) f.sample[i] = f.mean[i] + math::exp(f.log_variance[i] * T{0.5}) * f.noise[i];
}

/// Both gradients of an element, by one thread.
template <class T> __global__ void gaussian_sample_backward_kernel(GaussianSampleBackward<T> args) {
  const GaussianSampleForward<T>& f = args.forward;
  const std::int64_t i = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i >= f.count) return;
  const T dsample = args.dsample[i];
  if (args.dmean) put(args.dmean, i, dsample);
  if (args.dlog_variance)
    put(args.dlog_variance, i, dsample * (math::exp(f.log_variance[i] * T{0.5}) * f.noise[i] * T{0.5}));
}

}  // namespace

template <class T> void gaussian_sample_forward(ThisDevice, Context& context, const GaussianSampleForward<T>& args) {
  if (args.count == 0) return;
  launch<gaussian_sample_forward_kernel<T>>(context, {.grid = blocks_for(args.count, threads), .block = threads}, args);
}

template <class T> void gaussian_sample_backward(ThisDevice, Context& context, const GaussianSampleBackward<T>& args) {
  if (args.forward.count == 0 || (!args.dmean && !args.dlog_variance)) return;
  launch<gaussian_sample_backward_kernel<T>>(context,
                                             {.grid = blocks_for(args.forward.count, threads), .block = threads}, args);
}

template void gaussian_sample_forward(ThisDevice, Context&, const GaussianSampleForward<float>&);
template void gaussian_sample_forward(ThisDevice, Context&, const GaussianSampleForward<double>&);
template void gaussian_sample_backward(ThisDevice, Context&, const GaussianSampleBackward<float>&);
template void gaussian_sample_backward(ThisDevice, Context&, const GaussianSampleBackward<double>&);

}  // namespace ethreed
