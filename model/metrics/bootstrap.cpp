#include "model/metrics/bootstrap.h"

#include "core/error.h"
#include "core/philox.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

namespace ethreed {

namespace {

constexpr double absent = std::numeric_limits<double>::quiet_NaN();

// Streams of the draws: of groups, of the runs of a system and of its base.
enum class DrawOf : std::uint64_t { groups = 1, system_runs = 2, base_runs = 3 };

PhiloxStream draw_stream(std::uint64_t seed, DrawOf what, int resample) {
  return {seed, static_cast<std::uint64_t>(what) << 56 | static_cast<std::uint64_t>(resample)};
}

// The mean of one draw over runs, which are drawn where `random` is given.
double mean_of_runs(std::span<const ResampledFigure> runs, std::size_t draw, const PhiloxStream* random) {
  double sum = 0;
  for (std::size_t i = 0; i < runs.size(); ++i)
    sum += runs[random != nullptr ? random->below(runs.size(), i) : i].draws[draw];
  return sum / static_cast<double>(runs.size());
}

double mean_value(std::span<const ResampledFigure> runs) {
  double sum = 0;
  for (const ResampledFigure& run : runs) sum += run.value;
  return sum / static_cast<double>(runs.size());
}

// Quantile q of sorted values, between neighbours by proportion.
double quantile(std::span<const double> sorted, double q) {
  const double place = q * static_cast<double>(sorted.size() - 1);
  const auto low = static_cast<std::size_t>(place);
  const std::size_t high = std::min(low + 1, sorted.size() - 1);
  return sorted[low] + (place - static_cast<double>(low)) * (sorted[high] - sorted[low]);
}

}  // namespace

double RatioCounts::ratio() const { return count == 0 ? absent : sum / count; }

GroupFigure ratio_figure(std::vector<RatioCounts> groups, bool exponential) {
  return [groups = std::move(groups), exponential](GroupWeights weights) {
    const double ratio = weighted_sum(groups, weights).ratio();
    return exponential ? std::exp(ratio) : ratio;
  };
}

Bootstrap::Bootstrap(int groups, const BootstrapOptions& options) : groups_(groups), options_(options) {
  ETHREED_CHECK(groups >= 1, "bootstrap: {} dialogues, wanted 1 at least", groups);
  ETHREED_CHECK(options.resamples >= 2, "bootstrap: {} resamples, wanted 2 at least", options.resamples);
  ETHREED_CHECK(options.level > 0 && options.level < 1, "bootstrap: level {}, wanted between 0 and 1", options.level);
}

std::vector<std::int32_t> Bootstrap::weights_of(int resample) const {
  const PhiloxStream random = draw_stream(options_.seed, DrawOf::groups, resample);
  const auto groups = static_cast<std::uint64_t>(groups_);
  std::vector<std::int32_t> weights(static_cast<std::size_t>(groups_), 0);
  for (std::uint64_t i = 0; i < groups; i += 4) {
    const PhiloxBlock words = random.block(i / 4);
    for (std::uint64_t k = 0; k < 4 && i + k < groups; ++k) ++weights[(words[k] * groups) >> 32];
  }
  return weights;
}

std::vector<ResampledFigure> Bootstrap::resample(std::span<const GroupFigure> figures) const {
  const std::vector<std::int32_t> once(static_cast<std::size_t>(groups_), 1);
  std::vector<ResampledFigure> resampled;
  for (const GroupFigure& figure : figures) resampled.push_back({.value = figure(once), .draws = {}});
  for (int r = 0; r < options_.resamples; ++r) {
    const std::vector<std::int32_t> weights = weights_of(r);
    for (std::size_t f = 0; f < figures.size(); ++f) resampled[f].draws.push_back(figures[f](weights));
  }
  return resampled;
}

ResampledFigure Bootstrap::resample(const GroupFigure& figure) const {
  return std::move(resample(std::span(&figure, 1)).front());
}

Interval Bootstrap::around(double value, std::vector<double> draws) const {
  if (std::isnan(value) || std::any_of(draws.begin(), draws.end(), [](double x) { return std::isnan(x); }))
    return {value, absent, absent};
  const double centre = std::accumulate(draws.begin(), draws.end(), 0.0) / static_cast<double>(draws.size());
  const double outside = (1 - options_.level) / 2;
  std::sort(draws.begin(), draws.end());
  // Where nearly all draws are one number (a median), both quantiles may lie on one side of the mean.
  const double below = std::min(0.0, quantile(draws, outside) - centre),
               above = std::max(0.0, quantile(draws, 1 - outside) - centre);
  return {value, value + below, value + above};
}

Interval Bootstrap::interval(const ResampledFigure& figure) const { return around(figure.value, figure.draws); }

SystemDifference Bootstrap::difference(std::span<const ResampledFigure> system, std::span<const ResampledFigure> base,
                                       bool same_runs) const {
  ETHREED_CHECK(!system.empty() && !base.empty(), "bootstrap: a system without runs, wanted one figure a run");
  ETHREED_CHECK(!same_runs || system.size() == base.size(),
                "bootstrap: {} and {} figures of the same runs, wanted as many", system.size(), base.size());
  std::vector<double> kept, drawn;
  for (int r = 0; r < options_.resamples; ++r) {
    const auto draw = static_cast<std::size_t>(r);
    const PhiloxStream of_system = draw_stream(options_.seed, DrawOf::system_runs, r);
    const PhiloxStream of_base = draw_stream(options_.seed, DrawOf::base_runs, r);
    kept.push_back(mean_of_runs(system, draw, nullptr) - mean_of_runs(base, draw, nullptr));
    drawn.push_back(mean_of_runs(system, draw, &of_system) -
                    mean_of_runs(base, draw, same_runs ? &of_system : &of_base));
  }
  const double value = mean_value(system) - mean_value(base);
  return {.dialogues = around(value, std::move(kept)), .dialogues_and_seeds = around(value, std::move(drawn))};
}

SystemDifference Bootstrap::difference(const ResampledFigure& system, const ResampledFigure& base) const {
  return difference(std::span(&system, 1), std::span(&base, 1));
}

}  // namespace ethreed
