#pragma once
// Sums over a row on the CPU in lanes, so that the compiler vectorises them without changing their order.

#include "kernels/common/math.h"

#include <array>
#include <cstdint>

namespace ethreed {

/// Σ_{k < n} term(k) in the order of math::log_sum_exp: lane l adds terms l, l + 64, …, the lanes are then added
/// pairwise. It depends on n alone.
template <class T, class Term> T lane_sum(std::int64_t n, Term term) {
  constexpr std::int64_t lanes = math::row_lanes;
  const std::int64_t full = n / lanes * lanes;
  std::array<T, lanes> sum{};
  for (std::int64_t k = 0; k < full; k += lanes)
    for (std::int64_t l = 0; l < lanes; ++l) sum[static_cast<std::size_t>(l)] += term(k + l);
  for (std::int64_t k = full; k < n; ++k) sum[static_cast<std::size_t>(k - full)] += term(k);
  for (std::size_t width = lanes / 2; width > 0; width /= 2)
    for (std::size_t l = 0; l < width; ++l) sum[l] += sum[l + width];
  return sum[0];
}

}  // namespace ethreed
