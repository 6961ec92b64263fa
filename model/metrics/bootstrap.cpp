#include "model/metrics/bootstrap.h"

#include "core/error.h"
#include "core/philox.h"

#include <algorithm>
#include <cmath>

namespace ethreed {

namespace {

constexpr std::uint64_t bootstrap_stream = 0xB007'57A9ULL << 32;  // the number of the draw is added

double mean_of(std::span<const GroupFigure> figures, GroupWeights weights) {
  double sum = 0;
  for (const GroupFigure& figure : figures) sum += figure(weights);
  return sum / static_cast<double>(figures.size());
}

}  // namespace

Resamples::Resamples(int groups, const BootstrapOptions& options) : groups_(groups), options_(options) {
  ETHREED_CHECK(groups >= 1, "bootstrap: {} dialogues, wanted 1 at least", groups);
  ETHREED_CHECK(options.resamples >= 1, "bootstrap: {} resamples, wanted 1 at least", options.resamples);
  ETHREED_CHECK(options.level > 0 && options.level < 1, "bootstrap: level {}, wanted between 0 and 1", options.level);
}

std::vector<std::int32_t> Resamples::weights_of(int resample) const {
  const PhiloxStream random(options_.seed, bootstrap_stream + static_cast<std::uint64_t>(resample));
  const auto groups = static_cast<std::uint64_t>(groups_);
  std::vector<std::int32_t> weights(static_cast<std::size_t>(groups_), 0);
  for (std::uint64_t i = 0; i < groups; i += 4) {
    const PhiloxBlock words = random.block(i / 4);
    for (std::uint64_t k = 0; k < 4 && i + k < groups; ++k) ++weights[(words[k] * groups) >> 32];
  }
  return weights;
}

Interval Resamples::of(const GroupFigure& figure, bool centred) const {
  const std::vector<std::int32_t> once(static_cast<std::size_t>(groups_), 1);
  Interval interval{.value = figure(once)};
  std::vector<double> draws;
  double mean = 0;
  for (int r = 0; r < options_.resamples; ++r) {
    draws.push_back(figure(weights_of(r)));
    mean += draws.back() / options_.resamples;
  }
  std::sort(draws.begin(), draws.end());
  const auto quantile = [&](double q) {
    const auto rank = static_cast<std::ptrdiff_t>(std::ceil(q * static_cast<double>(draws.size()) - 1e-9));
    return draws[static_cast<std::size_t>(std::clamp<std::ptrdiff_t>(rank, 1, std::ssize(draws)) - 1)];
  };
  const double shift = centred ? interval.value - mean : 0;
  interval.low = quantile((1 - options_.level) / 2) + shift;
  interval.high = quantile((1 + options_.level) / 2) + shift;
  return interval;
}

Interval Resamples::interval(const GroupFigure& figure) const { return of(figure, false); }

Interval Resamples::difference(std::span<const GroupFigure> a, std::span<const GroupFigure> b, bool centred) const {
  ETHREED_CHECK(!a.empty() && !b.empty(), "bootstrap: a system without seeds, wanted one figure a seed");
  return of([&](GroupWeights weights) { return mean_of(a, weights) - mean_of(b, weights); }, centred);
}

}  // namespace ethreed
