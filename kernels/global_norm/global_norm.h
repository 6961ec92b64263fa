#pragma once
// global_norm: the Euclidean norm of a whole gradient block, and the clipping factor made from it. No backward.

#include "core/host_device.h"
#include "kernels/common/dispatch.h"

#include <cstdint>

namespace ethreed {

/// norm = √Σ_i x_i².
///
///   x     [count]  read
///   norm  [1]      written, in double whatever T is
///
/// FLOPs: 2·count. Bytes: count·sizeof(T) + 8. Saved: none. Workspace: 8·⌈count / 65536⌉ bytes.
/// Order of reduction: in double; in each chunk of 65536 elements lane l adds elements l, l + 64, …, the lanes and then
/// the chunks are added from first to last.
/// On a device: two launches, chunks of 16384 elements and 8·⌈count / 16384⌉ bytes of workspace. In a chunk thread t of
/// 256 adds elements t, t + 256, …; warps and then the block add their threads pairwise. One block adds the chunks
/// likewise.
/// Source: Pascanu, Mikolov, Bengio, "On the difficulty of training recurrent neural networks", ICML 2013, for
/// clipping.
template <class T> struct GlobalNorm {
  std::int64_t count = 0;
  const T* x = nullptr;
  double* norm = nullptr;
};

ETHREED_KERNEL(global_norm, GlobalNorm)

inline constexpr std::int64_t global_norm_chunk = 65536;
inline constexpr std::int64_t global_norm_device_chunk = 16384;

/// What gradients are multiplied by so that their norm is at most `max_norm` (> 0): min(1, max_norm / (norm + 1e-6)).
/// NaN for a norm of NaN, so that a broken gradient is not taken for a good one.
ETHREED_HOST_DEVICE inline double clip_scale(double norm, double max_norm) {
  const double scale = max_norm / (norm + 1e-6);
  return scale > 1.0 ? 1.0 : scale;
}

}  // namespace ethreed
