#pragma once
// How two arrays of numbers are compared.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

namespace ethreed::test {

/// How far two arrays are apart: relative to the wanted element, to the typical element of the array, or to `least`,
/// whichever is the largest. NaN and infinity where they are not wanted count as infinitely far.
template <class A, class B> double distance(const A& got, const B& wanted, double least = 0) {
  double squares = 0;  // of what is finite: an infinity would make everything close to everything
  std::size_t finite = 0;
  for (const auto value : wanted)
    if (std::isfinite(value)) {
      squares += static_cast<double>(value) * static_cast<double>(value);
      ++finite;
    }
  const double scale = std::max(least, std::sqrt(squares / std::max<double>(1, static_cast<double>(finite))));
  double worst = 0;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const double a = static_cast<double>(got[i]), b = static_cast<double>(wanted[i]);
    if (a == b) continue;
    const double error = std::abs(a - b) / std::max(std::abs(b), scale);
    worst = std::isfinite(error) ? std::max(worst, error) : std::numeric_limits<double>::infinity();
  }
  return worst;
}

}  // namespace ethreed::test
