#pragma once
// scaled_sum: a sum or mean of losses: the averages of (6), (12), (24) and (25).

#include "core/context.h"
#include "kernels/common/gradient.h"

#include <cstdint>

namespace ethreed {

/// y = scale·Σ_i x_i.
///
///   x  [count]  read
///   y  [1]      written; aliases nothing
///
/// FLOPs: count + 1. Bytes: (count + 1)·sizeof(T). Saved: none. Workspace: none.
/// Order of reduction: in double, lane l adds elements l, l + 8, l + 16, …; the lanes are then added from first to
/// last. Runs on the calling thread: it is meant for vectors of losses, a few thousand numbers. Source: the definition.
template <class T> struct ScaledSumForward {
  std::int64_t count = 0;
  double scale = 1.0;
  const T* x = nullptr;
  T* y = nullptr;
};

/// dx_i = scale·dy.
///
///   dy  [1]      read
///   dx  [count]  written or accumulated, may be absent
///
/// FLOPs: count. Bytes: (count + 1)·sizeof(T). Workspace: none.
template <class T> struct ScaledSumBackward {
  ScaledSumForward<T> forward;
  const T* dy = nullptr;
  GradientSink<T> dx;
};

template <class T> void scaled_sum_forward(Context& context, const ScaledSumForward<T>& args);
template <class T> void scaled_sum_backward(Context& context, const ScaledSumBackward<T>& args);

}  // namespace ethreed
