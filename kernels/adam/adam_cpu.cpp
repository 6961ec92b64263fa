#include "kernels/adam/adam_element.h"
#include "kernels/global_norm/global_norm.h"

#include <cmath>

namespace ethreed {

namespace {

constexpr std::int64_t elements_per_chunk = 16384;

}  // namespace

template <class T> void adam_update(Cpu, Context& context, const Adam<T>& args) {
  check_adam(args);
  if (args.gradient_norm != nullptr && !std::isfinite(*args.gradient_norm)) return;
  if (args.loss != nullptr && !std::isfinite(*args.loss)) return;
  const AdamCoefficients<T> c = adam_coefficients(args);
  const double clip = args.gradient_norm == nullptr ? 1.0 : clip_scale(*args.gradient_norm, args.clip_norm);
  const auto scale = static_cast<T>(args.gradient_scale * clip);
  const bool decays = adam_decays(args);
  context.pool.parallel_ranges(args.count, elements_per_chunk, [&, c, scale](std::int64_t begin, std::int64_t end) {
    T* __restrict p = args.parameters;
    const T* __restrict g = args.gradients;
    T* __restrict m = args.m;
    T* __restrict v = args.v;
    if (decays)
      for (std::int64_t i = begin; i < end; ++i) adam_decayed_element(c, scale * g[i], p[i], m[i], v[i]);
    else
      for (std::int64_t i = begin; i < end; ++i) adam_element(c, scale * g[i], p[i], m[i], v[i]);
  });
}

template void adam_update(Cpu, Context&, const Adam<float>&);
template void adam_update(Cpu, Context&, const Adam<double>&);

}  // namespace ethreed
