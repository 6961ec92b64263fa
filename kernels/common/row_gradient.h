#pragma once
// A row of logits that turns into its gradient, on the CPU. (put_row of row_log_sum_exp.h is the device's.)

#include "kernels/common/math.h"

#include <algorithm>
#include <cstdint>

namespace ethreed {

/// out[k] = gradient(x[k]) for k < n, or added to it; `out` may be x if nothing is added. `next`: n elements of `out`
/// that are wanted after these, prefetched while exponentials are computed.
template <class T, class Gradient>
void put_row(const T* x, std::int64_t n, T* out, const T* next, bool add, const Gradient& gradient) {
  if (add) {
    for (std::int64_t k = 0; k < n; ++k) out[k] += gradient(x[k]);
    return;
  }
  // In place in either case: with two pointers that may be equal the compiler would fall back to a scalar loop.
  if (out != x) std::copy_n(x, n, out);
  constexpr std::int64_t lanes = math::row_lanes;
  const std::int64_t full = n / lanes * lanes;
  for (std::int64_t k = 0; k < full; k += lanes) {
    math::fetch_lanes(next + k);
    for (std::int64_t l = k; l < k + lanes; ++l) out[l] = gradient(out[l]);
  }
  for (std::int64_t k = full; k < n; ++k) out[k] = gradient(out[k]);
}

}  // namespace ethreed
