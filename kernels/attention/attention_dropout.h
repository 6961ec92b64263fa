#pragma once
// Dropout on the weights of attention: never stored, drawn again by the backward.

#include "core/error.h"
#include "kernels/attention/attention.h"

#include <cmath>
#include <cstdint>

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

/// As in dropout_mask: word >> 8 is compared with ⌈p·2²⁴⌉. Throws Error unless 0 ≤ p < 1.
template <class T> AttentionDropout<T> dropout_of(const AttentionForward<T>& f) {
  ETHREED_CHECK(f.dropout >= 0.0 && f.dropout < 1.0, "attention: dropout is {}, wanted 0 <= dropout < 1", f.dropout);
  return {f.random, static_cast<std::uint32_t>(std::ceil(f.dropout * 0x1p24)), static_cast<T>(1.0 / (1.0 - f.dropout))};
}

}  // namespace ethreed
