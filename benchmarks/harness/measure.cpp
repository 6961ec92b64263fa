#include "benchmarks/harness/measure.h"

#include "core/error.h"

namespace ethreed::bench {

Spread spread_of(std::vector<double> samples) {
  ETHREED_CHECK(!samples.empty(), "benchmark: a spread needs samples, got none");
  std::sort(samples.begin(), samples.end());
  const auto quantile = [&](double q) {
    const double place = q * static_cast<double>(samples.size() - 1);
    const auto below = static_cast<std::size_t>(place);
    const std::size_t above = std::min(below + 1, samples.size() - 1);
    return samples[below] + (place - static_cast<double>(below)) * (samples[above] - samples[below]);
  };
  return {.median = quantile(0.5),
          .low = quantile(0.1),
          .high = quantile(0.9),
          .samples = static_cast<int>(samples.size())};
}

}  // namespace ethreed::bench
