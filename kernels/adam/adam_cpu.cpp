#include "kernels/adam/adam_element.h"
#include "kernels/global_norm/global_norm.h"

#include <cmath>

namespace ethreed {

namespace {

constexpr std::int64_t elements_per_chunk = 16384;

}  // namespace

template <class T> void adam_update(Cpu, Context& context, const Adam<T>& args) {
  ETHREED_CHECK(args.step >= 1, "adam_update: step is {}, wanted 1 or more (1 is the first update)", args.step);
  if (args.gradient_norm != nullptr && !std::isfinite(*args.gradient_norm)) return;
  if (args.loss != nullptr && !std::isfinite(*args.loss)) return;
  const AdamCoefficients<T> c = adam_coefficients(args);
  const double clip = args.gradient_norm == nullptr ? 1.0 : clip_scale(*args.gradient_norm, args.clip_norm);
  const auto scale = static_cast<T>(args.gradient_scale * clip);
  context.pool.parallel_ranges(args.count, elements_per_chunk, [&, c, scale](std::int64_t begin, std::int64_t end) {
    T* __restrict p = args.parameters;
    const T* __restrict g = args.gradients;
    T* __restrict m = args.m;
    T* __restrict v = args.v;
    for (std::int64_t i = begin; i < end; ++i) adam_element(c, scale * g[i], p[i], m[i], v[i]);
  });
}

template void adam_update(Cpu, Context&, const Adam<float>&);
template void adam_update(Cpu, Context&, const Adam<double>&);

}  // namespace ethreed
