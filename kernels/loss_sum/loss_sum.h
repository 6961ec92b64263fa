#pragma once
// loss_sum: all losses and their sum at once: the averages of (6), (12), (24) and (25), and (26).

#include "kernels/common/dispatch.h"
#include "kernels/common/gradient.h"

#include <array>
#include <cstdint>

namespace ethreed {

inline constexpr int loss_sum_max_terms = 8;

/// y_k = scale_k·Σ_i x_k[i] for every term k, and y_K = Σ_k weight_k·y_k, the total. They are in one array, so that
/// one copy brings all losses to the host.
///
///   x[k]  [count[k]]    read; two of them may be the same
///   y     [terms + 1]   written: the terms, then the total; aliases nothing
///
/// With n = Σ count:
/// FLOPs: n + 3·terms. Bytes: (n + terms + 1)·sizeof(T). Saved: none. Workspace: none.
/// Order of reduction: in double; within a term lane l adds elements l, l + 8, l + 16, …, the lanes are then added from
/// first to last; the total adds the terms, as rounded to T, from first to last. Runs on the calling thread: it is
/// meant for vectors of losses, a few thousand numbers. On a device: one launch forward, one backward. A term has a
/// warp: its lane l adds elements l, l + 32, …, the lanes are then added pairwise. Source: the definition.
template <class T> struct LossSumForward {
  int terms = 0;
  std::array<std::int64_t, loss_sum_max_terms> count{};
  std::array<double, loss_sum_max_terms> scale{};
  std::array<double, loss_sum_max_terms> weight{};
  std::array<const T*, loss_sum_max_terms> x{};
  T* y = nullptr;
};

/// dx_k[i] = scale_k·(dy_k + weight_k·dtotal).
///
///   dy[k], dtotal  [1]         read; each may be null for zero
///   dx[k]          [count[k]]  written or accumulated, each may be absent. The terms are processed one after the
///                              other, so two sinks may be one array if the second accumulates.
///
/// FLOPs: 3·terms, accumulated n more. Bytes: (n + t + 1)·sizeof(T), t the terms with elements. Workspace: none.
template <class T> struct LossSumBackward {
  LossSumForward<T> forward;  // x and y are not read
  std::array<const T*, loss_sum_max_terms> dy{};
  const T* dtotal = nullptr;
  std::array<GradientSink<T>, loss_sum_max_terms> dx{};
};

ETHREED_KERNEL(loss_sum_forward, LossSumForward)
ETHREED_KERNEL(loss_sum_backward, LossSumBackward)

}  // namespace ethreed
