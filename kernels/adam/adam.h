#pragma once
// adam: one step of the optimizer over a whole block of parameters in a single pass. No backward.

#include "kernels/common/dispatch.h"

#include <cstdint>

namespace ethreed {

/// With g' = gradient_scale·clip_scale(*gradient_norm, clip_norm)·g (without a norm: gradient_scale·g) and t = step:
///   m ← β1·m + (1 − β1)·g',  v ← β2·v + (1 − β2)·g'²
///   p ← p − learning_rate·(m̂ / (√v̂ + ε) + weight_decay·p),  m̂ = m / (1 − β1^t),  v̂ = v / (1 − β2^t)
/// The decay is decoupled: it takes no part in m, v and clipping. A weight_decay of 0 is no product with 0: it is left
/// out, whatever p is.
/// An m with |m| < 1e-30 and a v < 1e-32 become 0 before they are used: less than a rounding error of any p ≥ 1e-18 and
/// of ε = 1e-8.
///
///   parameters  [count]  read and written
///   gradients   [count]  read
///   m, v        [count]  read and written; zeros before step 1
///   gradient_norm, loss  [1]  read, each may be null: if one of them is not finite, nothing is written at all
///
/// The four may not overlap. FLOPs: 14·count (a root and a quotient count as one each), 16·count with a
/// weight_decay. Bytes: 7·count·sizeof(T), and 8 for the norm and sizeof(T) for the loss where they are given; one that
/// stops the step is the last that is read.
/// Saved: none. Workspace: none.
/// Order of reduction: there is none. Throws Error for step < 1 and weight_decay < 0.
/// On a device: one launch; norm and loss are read there, so that the host does not wait for them.
/// Source: Kingma, Ba, "Adam", ICLR 2015, with the ε of its algorithm 1 (outside √v̂), as torch.optim.Adam has it;
/// Loshchilov, Hutter, "Decoupled Weight Decay Regularization", ICLR 2019, algorithm 2 (AdamW), whose schedule
/// multiplier η_t and step size α are one learning rate here, which multiplies the decay too, as in torch.optim.AdamW.
template <class T> struct Adam {
  std::int64_t count = 0;
  std::int64_t step = 1;  ///< 1 for the first update
  double learning_rate = 5e-4;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0.0;  ///< λ, 0 or more
  double gradient_scale = 1.0;
  double clip_norm = 1.0;  ///< see clip_scale()
  const double* gradient_norm = nullptr;
  const T* loss = nullptr;
  T* parameters = nullptr;
  const T* gradients = nullptr;
  T* m = nullptr;
  T* v = nullptr;
};

inline constexpr double adam_least_m = 1e-30;
inline constexpr double adam_least_v = 1e-32;

ETHREED_KERNEL(adam_update, Adam)

}  // namespace ethreed
