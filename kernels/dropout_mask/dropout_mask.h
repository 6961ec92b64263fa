#pragma once
// dropout_mask and fill_normal: the random multipliers of the four tracked states and the noise of the policy, as pure
// functions of a Philox stream. No backward: masks and noise are constants.

#include "core/context.h"
#include "core/philox.h"

#include <cstdint>

namespace ethreed {

/// mask_i = 0 where random.uniform(i) < probability, else 1 / (1 − probability); all ones at probability 0.
///
///   mask  [count]  written
///
/// FLOPs: count (integer work of Philox: one block of ten rounds per four elements). Bytes: count·sizeof(T).
/// Saved: none. Workspace: none. Throws Error unless 0 ≤ probability < 1.
/// Order of reduction: there is none; element i depends on (stream, i) alone.
/// Source: Srivastava et al., "Dropout", JMLR 2014, scaled in training; Salmon et al., SC 2011, for Philox.
template <class T> struct DropoutMask {
  std::int64_t count = 0;
  double probability = 0.5;
  PhiloxStream random{0, 0};
  T* mask = nullptr;
};

template <class T> void dropout_mask(Context& context, const DropoutMask<T>& args);

/// out_i = random.normal(i) ~ N(0, 1), rounded to T.
///
///   out  [count]  written
///
/// FLOPs: 5·count (a logarithm, a root, a cosine). Bytes: count·sizeof(T). Saved: none. Workspace: none.
template <class T> struct FillNormal {
  std::int64_t count = 0;
  PhiloxStream random{0, 0};
  T* out = nullptr;
};

template <class T> void fill_normal(Context& context, const FillNormal<T>& args);

}  // namespace ethreed
