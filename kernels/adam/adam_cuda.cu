#include "kernels/adam/adam_element.h"
#include "kernels/common/block.h"
#include "kernels/common/launch.h"
#include "kernels/global_norm/global_norm.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

namespace ethreed {

namespace {

constexpr int threads = 256;
constexpr int blocks_per_multiprocessor = 8;

template <class T> __device__ bool is_finite(T x) { return x - x == T{0}; }  // false for ±∞ and NaN

/// What the gradient is multiplied by, for all threads of the block; NaN if nothing may be written.
template <class T> __device__ double step_scale(const Adam<T>& args) {
  double* shared = shared_array<double, 1, struct AdamScale>();
  if (threadIdx.x == 0) {
    const bool good = (args.gradient_norm == nullptr || is_finite(*args.gradient_norm)) &&
                      (args.loss == nullptr || is_finite(*args.loss));
    const double clip = args.gradient_norm == nullptr ? 1.0 : clip_scale(*args.gradient_norm, args.clip_norm);
    *shared = good ? args.gradient_scale * clip : std::numeric_limits<double>::quiet_NaN();
  }
  __syncthreads();
  return *shared;
}

/// The whole block of parameters. A thread takes four elements, the next ones a grid further on; the elements behind
/// `vectors` groups of four are taken one by one.
template <class T> __global__ void adam_kernel(Adam<T> args, AdamCoefficients<T> c, std::int64_t vectors) {
  const double scale_or_nan = step_scale(args);
  if (scale_or_nan != scale_or_nan) return;
  const T scale = static_cast<T>(scale_or_nan);
  const std::int64_t items = vectors + (args.count - 4 * vectors);
  const std::int64_t stride = std::int64_t{gridDim.x} * blockDim.x;
  for (std::int64_t i = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < items; i += stride) {
    if (i < vectors) {
      const Vector4<T> g = load4(args.gradients + 4 * i);
      Vector4<T> p = load4(args.parameters + 4 * i), m = load4(args.m + 4 * i), v = load4(args.v + 4 * i);
      adam_element(c, scale * g.x, p.x, m.x, v.x);
      adam_element(c, scale * g.y, p.y, m.y, v.y);
      adam_element(c, scale * g.z, p.z, m.z, v.z);
      adam_element(c, scale * g.w, p.w, m.w, v.w);
      store4(args.parameters + 4 * i, p);
      store4(args.m + 4 * i, m);
      store4(args.v + 4 * i, v);
    } else {
      const std::int64_t at = 3 * vectors + i;
      adam_element(c, scale * args.gradients[at], args.parameters[at], args.m[at], args.v[at]);
    }
  }
}

bool on_16_bytes(const void* p) { return reinterpret_cast<std::uintptr_t>(p) % 16 == 0; }

}  // namespace

template <class T> void adam_update(ThisDevice, Context& context, const Adam<T>& args) {
  ETHREED_CHECK(args.step >= 1, "adam_update: step is {}, wanted 1 or more (1 is the first update)", args.step);
  if (args.count == 0) return;
  const bool aligned =
      on_16_bytes(args.parameters) && on_16_bytes(args.gradients) && on_16_bytes(args.m) && on_16_bytes(args.v);
  const std::int64_t vectors = aligned ? args.count / 4 : 0;
  const auto most = static_cast<unsigned>(context.runtime->multiprocessors() * blocks_per_multiprocessor);
  const unsigned blocks = std::min(blocks_for(args.count - 3 * vectors, threads), std::max(most, 1U));
  launch<adam_kernel<T>>(context, {.grid = blocks, .block = threads}, args, adam_coefficients(args), vectors);
}

template void adam_update(ThisDevice, Context&, const Adam<float>&);
template void adam_update(ThisDevice, Context&, const Adam<double>&);

}  // namespace ethreed
