#include "kernels/common/math.h"
#include "kernels/gaussian_sample/gaussian_sample.h"

#include <algorithm>

namespace ethreed {

namespace {

constexpr std::int64_t elements_per_chunk = 4096;

}  // namespace

template <class T> void gaussian_sample_forward(Cpu, Context& context, const GaussianSampleForward<T>& args) {
  context.pool.parallel_ranges(args.count, elements_per_chunk, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i)
      args.sample[i] = args.mean[i] + math::exp(args.log_variance[i] * T{0.5}) * args.noise[i];
  });
}

template <class T> void gaussian_sample_backward(Cpu, Context& context, const GaussianSampleBackward<T>& args) {
  const GaussianSampleForward<T>& f = args.forward;
  context.pool.parallel_ranges(f.count, elements_per_chunk, [&](std::int64_t begin, std::int64_t end) {
    if (args.dmean) {
      T* out = args.dmean.data;
      if (!args.dmean.accumulate) std::fill(out + begin, out + end, T{0});
      for (std::int64_t i = begin; i < end; ++i) out[i] += args.dsample[i];
    }
    if (args.dlog_variance) {
      T* out = args.dlog_variance.data;
      if (!args.dlog_variance.accumulate) std::fill(out + begin, out + end, T{0});
      for (std::int64_t i = begin; i < end; ++i)
        out[i] += args.dsample[i] * (math::exp(f.log_variance[i] * T{0.5}) * f.noise[i] * T{0.5});
    }
  });
}

template void gaussian_sample_forward(Cpu, Context&, const GaussianSampleForward<float>&);
template void gaussian_sample_forward(Cpu, Context&, const GaussianSampleForward<double>&);
template void gaussian_sample_backward(Cpu, Context&, const GaussianSampleBackward<float>&);
template void gaussian_sample_backward(Cpu, Context&, const GaussianSampleBackward<double>&);

}  // namespace ethreed
