#pragma once
// Dropout on the weights of attention: never stored, drawn again by the backward.

#include "kernels/attention/attention.h"
#include "kernels/dropout_mask/dropout_mask.h"

namespace ethreed {

/// m_ij of the contract: what the weight of a key is multiplied by.
template <class T> struct AttentionDropout {
  PhiloxStream random;
  std::uint32_t threshold;  ///< of 24 bits; 0: nothing is dropped
  T kept;

  ETHREED_HOST_DEVICE explicit operator bool() const { return threshold > 0; }
  /// The block of `random` with the words of keys 4·group … 4·group + 3; `row` = query row·heads + head.
  ETHREED_HOST_DEVICE static std::uint64_t block(std::int64_t row, int group) {
    return (static_cast<std::uint64_t>(row) << 30) + static_cast<std::uint64_t>(group);
  }
  ETHREED_HOST_DEVICE T factor(std::uint32_t word) const { return (word >> 8) < threshold ? T{0} : kept; }
};

/// Throws Error unless 0 ≤ p < 1.
template <class T> AttentionDropout<T> dropout_of(const AttentionForward<T>& f) {
  return {f.random, dropout_threshold(f.dropout), static_cast<T>(1.0 / (1.0 - f.dropout))};
}

}  // namespace ethreed
