#include "benchmarks/harness/measure.h"

#include "core/error.h"
#include "core/indices.h"

namespace ethreed::bench {

double quantile(std::vector<double> samples, double q) {
  ETHREED_CHECK(!samples.empty(), "benchmark: a quantile needs samples, got none");
  std::sort(samples.begin(), samples.end());
  const double place = q * static_cast<double>(samples.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, samples.size() - 1);
  return samples[below] + (place - static_cast<double>(below)) * (samples[above] - samples[below]);
}

Quantiles quantiles_of(const std::vector<double>& samples) {
  return {.median = quantile(samples, 0.5),
          .low = quantile(samples, 0.1),
          .high = quantile(samples, 0.9),
          .samples = count_of(samples)};
}

}  // namespace ethreed::bench
