#pragma once
// linear_combination: the weighted sum of the losses, equation (26).

#include "core/context.h"
#include "kernels/common/gradient.h"

#include <array>

namespace ethreed {

inline constexpr int linear_combination_max_terms = 8;

/// y = Σ_k weights[k]·x[k] over at most eight scalars.
///
///   x[k]  [1]  read
///   y     [1]  written; aliases nothing
///
/// FLOPs: 2·terms. Bytes: (terms + 1)·sizeof(T). Saved: none. Workspace: none.
/// Order of reduction: first term to last, in double.
/// Source: the definition.
template <class T> struct LinearCombinationForward {
  int terms = 0;
  std::array<const T*, linear_combination_max_terms> x{};
  std::array<double, linear_combination_max_terms> weights{};
  T* y = nullptr;
};

/// dx[k] = weights[k]·dy.
///
///   dy     [1]  read
///   dx[k]  [1]  written or accumulated, each may be absent; two of them may be one place if the second accumulates
///
/// FLOPs: terms. Bytes: (terms + 1)·sizeof(T). Workspace: none.
template <class T> struct LinearCombinationBackward {
  LinearCombinationForward<T> forward;
  const T* dy = nullptr;
  std::array<GradientSink<T>, linear_combination_max_terms> dx{};
};

template <class T> void linear_combination_forward(Context& context, const LinearCombinationForward<T>& args);
template <class T> void linear_combination_backward(Context& context, const LinearCombinationBackward<T>& args);

}  // namespace ethreed
