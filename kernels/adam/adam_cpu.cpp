#include "kernels/adam/adam.h"
#include "kernels/global_norm/global_norm.h"

#include <cmath>

namespace ethreed {

namespace {

constexpr std::int64_t elements_per_chunk = 16384;

/// Everything that does not depend on the element, computed once in double.
template <class T> struct Coefficients { T scale, keep_m, take_m, keep_v, take_v, step_size, inverse_root, epsilon; };

template <class T> Coefficients<T> coefficients(const Adam<T>& args) {
  const double t = static_cast<double>(args.step);
  const double scale = args.gradient_norm == nullptr ? 1.0 : clip_scale(*args.gradient_norm, args.clip_norm);
  return {.scale = static_cast<T>(args.gradient_scale * scale),
          .keep_m = static_cast<T>(args.beta1),
          .take_m = static_cast<T>(1.0 - args.beta1),
          .keep_v = static_cast<T>(args.beta2),
          .take_v = static_cast<T>(1.0 - args.beta2),
          .step_size = static_cast<T>(args.learning_rate / (1.0 - std::pow(args.beta1, t))),
          .inverse_root = static_cast<T>(1.0 / std::sqrt(1.0 - std::pow(args.beta2, t))),
          .epsilon = static_cast<T>(args.epsilon)};
}

}  // namespace

template <class T> void adam_update(Cpu, Context& context, const Adam<T>& args) {
  ETHREED_CHECK(args.step >= 1, "adam_update: step is {}, wanted 1 or more (1 is the first update)", args.step);
  if (args.gradient_norm != nullptr && !std::isfinite(*args.gradient_norm)) return;
  if (args.loss != nullptr && !std::isfinite(*args.loss)) return;
  const Coefficients<T> c = coefficients(args);
  context.pool.parallel_ranges(args.count, elements_per_chunk, [&, c](std::int64_t begin, std::int64_t end) {
    T* p = args.parameters;
    const T* g = args.gradients;
    T* m = args.m;
    T* v = args.v;
    for (std::int64_t i = begin; i < end; ++i) {
      const T gradient = c.scale * g[i];
      const T first = c.keep_m * m[i] + c.take_m * gradient;
      const T second = c.keep_v * v[i] + c.take_v * (gradient * gradient);
      m[i] = first;
      v[i] = second;
      p[i] -= c.step_size * first / (std::sqrt(second) * c.inverse_root + c.epsilon);
    }
  });
}

template void adam_update(Cpu, Context&, const Adam<float>&);
template void adam_update(Cpu, Context&, const Adam<double>&);

}  // namespace ethreed
