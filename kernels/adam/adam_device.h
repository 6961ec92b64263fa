#pragma once
// Adam's kernel on a device, with and without decay of the weights. The two are instantiated in files of their own, so
// that an update without decay has the bits of one that knows none: what a compiler fuses in one kernel may depend on
// what else stands in its file. For .cu files.

#include "kernels/adam/adam_element.h"
#include "kernels/common/block.h"
#include "kernels/common/launch.h"
#include "kernels/global_norm/global_norm.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

namespace ethreed {
inline namespace ETHREED_DEVICE_BUILD {

inline constexpr int adam_threads = 256;
inline constexpr int adam_blocks_per_multiprocessor = 8;

template <class T> __device__ bool adam_is_finite(T x) { return x - x == T{0}; }  // false for ±∞ and NaN

/// What the gradient is multiplied by, for all threads of the block; NaN if nothing may be written.
template <class T> __device__ double adam_step_scale(const Adam<T>& args) {
  double* shared = shared_array<double, 1, struct AdamScale>();
  if (threadIdx.x == 0) {
    const bool good = (args.gradient_norm == nullptr || adam_is_finite(*args.gradient_norm)) &&
                      (args.loss == nullptr || adam_is_finite(*args.loss));
    const double clip = args.gradient_norm == nullptr ? 1.0 : clip_scale(*args.gradient_norm, args.clip_norm);
    *shared = good ? args.gradient_scale * clip : std::numeric_limits<double>::quiet_NaN();
  }
  __syncthreads();
  return *shared;
}

/// One element of either kernel.
template <bool decays, class T>
__device__ void adam_update_element(const AdamCoefficients<T>& c, T gradient, T& p, T& m, T& v) {
  if constexpr (decays)
    adam_decayed_element(c, gradient, p, m, v);
  else
    adam_element(c, gradient, p, m, v);
}

/// The whole block of parameters. A thread takes four elements, the next ones a grid further on; the elements behind
/// `vectors` groups of four are taken one by one.
template <class T, bool decays> __global__ void adam_kernel(Adam<T> args, AdamCoefficients<T> c, std::int64_t vectors) {
  const double scale_or_nan = adam_step_scale(args);
  if (scale_or_nan != scale_or_nan) return;
  const T scale = static_cast<T>(scale_or_nan);
  const std::int64_t items = vectors + (args.count - 4 * vectors);
  const std::int64_t stride = std::int64_t{gridDim.x} * blockDim.x;
  for (std::int64_t i = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < items; i += stride) {
    if (i < vectors) {
      const Vector4<T> g = load4(args.gradients + 4 * i);
      Vector4<T> p = load4(args.parameters + 4 * i), m = load4(args.m + 4 * i), v = load4(args.v + 4 * i);
      adam_update_element<decays>(c, scale * g.x, p.x, m.x, v.x);
      adam_update_element<decays>(c, scale * g.y, p.y, m.y, v.y);
      adam_update_element<decays>(c, scale * g.z, p.z, m.z, v.z);
      adam_update_element<decays>(c, scale * g.w, p.w, m.w, v.w);
      store4(args.parameters + 4 * i, p);
      store4(args.m + 4 * i, m);
      store4(args.v + 4 * i, v);
    } else {
      const std::int64_t at = 3 * vectors + i;
      adam_update_element<decays>(c, scale * args.gradients[at], args.parameters[at], args.m[at], args.v[at]);
    }
  }
}

/// One launch of it.
template <bool decays, class T> void run_adam(Context& context, const Adam<T>& args) {
  const auto on_16_bytes = [](const void* p) { return reinterpret_cast<std::uintptr_t>(p) % 16 == 0; };
  const bool aligned =
      on_16_bytes(args.parameters) && on_16_bytes(args.gradients) && on_16_bytes(args.m) && on_16_bytes(args.v);
  const std::int64_t vectors = aligned ? args.count / 4 : 0;
  const auto most = static_cast<unsigned>(context.runtime->multiprocessors() * adam_blocks_per_multiprocessor);
  const unsigned blocks = std::min(blocks_for(args.count - 3 * vectors, adam_threads), std::max(most, 1U));
  launch<adam_kernel<T, decays>>(context, {.grid = blocks, .block = adam_threads}, args, adam_coefficients(args),
                                 vectors);
}

/// The update with decay, in adam_decay_cuda.cu.
template <class T> void run_adam_with_decay(Context& context, const Adam<T>& args);

}  // namespace ETHREED_DEVICE_BUILD
}  // namespace ethreed
