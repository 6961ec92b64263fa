#pragma once
// global_norm: the Euclidean norm of a whole gradient block, and the clipping factor made from it. No backward.

#include "core/context.h"

#include <cstdint>

namespace ethreed {

/// √Σ_i x_i², a number on the host.
///
///   x  [count]  read
///
/// FLOPs: 2·count. Bytes: count·sizeof(T). Saved: none. Workspace: 8·⌈count / 65536⌉ bytes.
/// Order of reduction: in double; in each chunk of 65536 elements lane l adds elements l, l + 16, …, the lanes and then
/// the chunks are added from first to last.
/// Source: Pascanu, Mikolov, Bengio, "On the difficulty of training recurrent neural networks", ICML 2013, for
/// clipping.
template <class T> double global_norm(Context& context, const T* x, std::int64_t count);

inline constexpr std::int64_t global_norm_chunk = 65536;

/// What gradients are multiplied by so that their norm is at most `max_norm` (> 0): min(1, max_norm / (norm + 1e-6)).
/// NaN for a norm of NaN, so that a broken gradient is not taken for a good one.
inline double clip_scale(double norm, double max_norm) {
  const double scale = max_norm / (norm + 1e-6);
  return scale > 1.0 ? 1.0 : scale;
}

}  // namespace ethreed
