#pragma once
// Probabilities from logits on the host, for what is written down.

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

namespace ethreed {

/// exp(x_i) / Σ exp(x_k), in double. Wanted: at least one logit.
inline std::vector<double> softmax_of(std::span<const float> logits) {
  const double most = *std::max_element(logits.begin(), logits.end());
  std::vector<double> p;
  double sum = 0;
  for (const float x : logits) sum += p.emplace_back(std::exp(static_cast<double>(x) - most));
  for (double& x : p) x /= sum;
  return p;
}

}  // namespace ethreed
