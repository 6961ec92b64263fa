#pragma once
// dropout_mask and fill_normal: the random multipliers of the four tracked states and the noise of the policy, as pure
// functions of a Philox stream. No backward: masks and noise are constants.

#include "core/philox.h"
#include "kernels/common/dispatch.h"

#include <array>
#include <cmath>
#include <cstdint>

namespace ethreed {

inline constexpr int dropout_max_masks = 4;

/// Up to four masks, each of its own stream: mask_i = 0 where random.uniform(i) < probability, else
/// 1 / (1 − probability); all ones at probability 0.
///
///   mask  [count]  written
///
/// FLOPs: Σ count (integer work of Philox: one block of ten rounds per four elements). Bytes: Σ count·sizeof(T).
/// Saved: none. Workspace: none. Throws Error unless 0 ≤ probability < 1.
/// Order of reduction: there is none; element i depends on (stream, i) alone.
/// On a device: one launch for all masks.
/// Source: Srivastava et al., "Dropout", JMLR 2014, scaled in training; Salmon et al., SC 2011, for Philox.
template <class T> struct DropoutMasks {
  struct Mask {
    std::int64_t count = 0;
    PhiloxStream random{0, 0};
    T* mask = nullptr;
  };
  int masks = 0;
  double probability = 0.5;
  std::array<Mask, dropout_max_masks> mask{};
};

ETHREED_KERNEL(dropout_masks, DropoutMasks)

/// One mask.
template <class T> struct DropoutMask {
  std::int64_t count = 0;
  double probability = 0.5;
  PhiloxStream random{0, 0};
  T* mask = nullptr;
};

template <class T> void dropout_mask(Context& context, const DropoutMask<T>& args) {
  dropout_masks<T>(context, {.masks = 1,
                             .probability = args.probability,
                             .mask = {{{.count = args.count, .random = args.random, .mask = args.mask}}}});
}

/// uniform(i) = (word >> 8)·2⁻²⁴ < probability, as a comparison of integers: (word >> 8) < threshold. Throws Error
/// unless 0 ≤ probability < 1.
inline std::uint32_t dropout_threshold(double probability) {
  ETHREED_CHECK(probability >= 0.0 && probability < 1.0, "dropout_mask: probability is {}, wanted 0 <= probability < 1",
                probability);
  return static_cast<std::uint32_t>(std::ceil(probability * 0x1p24));
}

/// out_i = random.normal(i) ~ N(0, 1), rounded to T.
///
///   out  [count]  written
///
/// FLOPs: 5·count (a logarithm, a root, a cosine). Bytes: count·sizeof(T). Saved: none. Workspace: none.
/// On a device: one launch; the numbers are the CPU's but for the last bits of logarithm and cosine.
template <class T> struct FillNormal {
  std::int64_t count = 0;
  PhiloxStream random{0, 0};
  T* out = nullptr;
};

ETHREED_KERNEL(fill_normal, FillNormal)

}  // namespace ethreed
