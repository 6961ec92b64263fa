#pragma once
// Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011): random numbers as a pure
// function of (seed, stream, index), so that any element can be drawn by any thread, in any order, on any device.

#include "core/host_device.h"

#include <array>
#include <cmath>
#include <cstdint>

namespace ethreed {

using PhiloxBlock = std::array<std::uint32_t, 4>;

/// Ten rounds over a 128-bit counter with a 64-bit key.
ETHREED_HOST_DEVICE constexpr PhiloxBlock philox4x32(PhiloxBlock counter, std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t product0 = std::uint64_t{0xD2511F53U} * counter[0];
    const std::uint64_t product1 = std::uint64_t{0xCD9E8D57U} * counter[2];
    counter = {static_cast<std::uint32_t>(product1 >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(product1),
               static_cast<std::uint32_t>(product0 >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(product0)};
    key[0] += 0x9E3779B9U;
    key[1] += 0xBB67AE85U;
  }
  return counter;
}

/// A stream of random numbers addressed by index. `seed` is the run's seed; `stream` tells draws of one run apart
/// (what it is for and at which step). Same (seed, stream, index): same number, on every device.
class PhiloxStream {
 public:
  ETHREED_HOST_DEVICE constexpr PhiloxStream(std::uint64_t seed, std::uint64_t stream) : seed_(seed), stream_(stream) {}

  /// Four words for the block of indices 4·block … 4·block+3.
  ETHREED_HOST_DEVICE constexpr PhiloxBlock block(std::uint64_t block) const {
    return philox4x32({static_cast<std::uint32_t>(block), static_cast<std::uint32_t>(block >> 32),
                       static_cast<std::uint32_t>(stream_), static_cast<std::uint32_t>(stream_ >> 32)},
                      {static_cast<std::uint32_t>(seed_), static_cast<std::uint32_t>(seed_ >> 32)});
  }
  ETHREED_HOST_DEVICE constexpr std::uint32_t word(std::uint64_t index) const { return block(index / 4)[index % 4]; }
  /// Uniform in [0, 1) with 24 bits.
  ETHREED_HOST_DEVICE constexpr double uniform(std::uint64_t index) const { return (word(index) >> 8) * 0x1p-24; }
  /// Standard normal by Box and Muller, two words per number (32 bits each).
  ETHREED_HOST_DEVICE double normal(std::uint64_t index) const {
    const PhiloxBlock words = block(index / 2);
    const std::size_t pair = (index % 2) * 2;
    const double u1 = (words[pair] + 1.0) * 0x1p-32;  // (0, 1]
    const double u2 = words[pair + 1] * 0x1p-32;
    return std::sqrt(-2.0 * std::log(u1)) * std::cos(6.283185307179586 * u2);
  }
  /// Uniform integer in [0, n), n ≤ 2^32; the bias is below n / 2^32.
  ETHREED_HOST_DEVICE constexpr std::uint64_t below(std::uint64_t n, std::uint64_t index) const {
    return (word(index) * n) >> 32;
  }

 private:
  std::uint64_t seed_;
  std::uint64_t stream_;
};

}  // namespace ethreed
