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

double mean_of_runs(std::span<const ResampledFigure> runs, std::size_t draw) {
  double sum = 0;
  for (const ResampledFigure& run : runs) sum += run.draws[draw];
  return sum / static_cast<double>(runs.size());
}

double mean_of(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

// Standard error of the mean of a sample (n − 1).
double standard_error(std::span<const double> values) {
  const auto n = static_cast<double>(values.size());
  const double centre = mean_of(values);
  double squares = 0;
  for (const double value : values) squares += (value - centre) * (value - centre);
  return std::sqrt(squares / (n - 1) / n);
}

// Student's t with so many degrees of freedom.
double student(const PhiloxStream& random, std::size_t degrees) {
  double squares = 0;
  for (std::size_t i = 1; i <= degrees; ++i) squares += random.normal(i) * random.normal(i);
  return random.normal(0) / std::sqrt(squares / static_cast<double>(degrees));
}

std::vector<double> values_of(std::span<const ResampledFigure> runs) {
  std::vector<double> values;
  for (const ResampledFigure& run : runs) values.push_back(run.value);
  return values;
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

Interval Bootstrap::around(double value, double centre, std::vector<double> draws) const {
  if (std::isnan(value) || std::any_of(draws.begin(), draws.end(), [](double x) { return std::isnan(x); }))
    return {value, absent, absent};
  const double outside = (1 - options_.level) / 2;
  std::sort(draws.begin(), draws.end());
  // Where nearly all draws are one number (a median), both quantiles may lie on one side of the mean.
  const double below = std::min(0.0, quantile(draws, outside) - centre),
               above = std::max(0.0, quantile(draws, 1 - outside) - centre);
  return {value, value + below, value + above};
}

Interval Bootstrap::interval(const ResampledFigure& figure) const {
  return around(figure.value, mean_of(figure.draws), figure.draws);
}

SystemDifference Bootstrap::difference(std::span<const ResampledFigure> system, std::span<const ResampledFigure> base,
                                       bool same_runs) const {
  ETHREED_CHECK(!system.empty() && !base.empty(), "bootstrap: a system without runs, wanted one figure a run");
  ETHREED_CHECK(!same_runs || system.size() == base.size(),
                "bootstrap: {} and {} figures of the same runs, wanted as many", system.size(), base.size());
  std::vector<double> of_system = values_of(system), of_base = values_of(base);
  const double value = mean_of(of_system) - mean_of(of_base);
  if (same_runs) {  // one sample, of differences
    for (std::size_t i = 0; i < of_system.size(); ++i) of_system[i] -= of_base[i];
    of_base.clear();
  }
  const bool spread_is_known = of_system.size() > 1 && of_base.size() != 1;
  const double system_error = spread_is_known ? standard_error(of_system) : absent,
               base_error = spread_is_known && !of_base.empty() ? standard_error(of_base) : 0;
  std::vector<double> kept, with_seeds;
  for (int r = 0; r < options_.resamples; ++r) {
    const auto draw = static_cast<std::size_t>(r);
    kept.push_back(mean_of_runs(system, draw) - mean_of_runs(base, draw));
    double moved = kept.back();
    if (spread_is_known)
      moved += system_error * student(draw_stream(options_.seed, DrawOf::system_runs, r), of_system.size() - 1);
    if (base_error > 0)
      moved -= base_error * student(draw_stream(options_.seed, DrawOf::base_runs, r), of_base.size() - 1);
    with_seeds.push_back(moved);
  }
  const double centre = mean_of(kept);
  return {.dialogues = around(value, centre, std::move(kept)),
          .dialogues_and_seeds =
              spread_is_known ? around(value, centre, std::move(with_seeds)) : Interval{value, absent, absent}};
}

SystemDifference Bootstrap::difference(const ResampledFigure& system, const ResampledFigure& base) const {
  return difference(std::span(&system, 1), std::span(&base, 1));
}

}  // namespace ethreed
