#include "model/metrics/agreement.h"

#include "core/error.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace ethreed {

namespace {

FleissKappa weighted_kappa(std::span<const RatingCounts> subjects, GroupWeights weights) {
  const auto raters = static_cast<double>(std::accumulate(subjects[0].begin(), subjects[0].end(), std::int64_t{0}));
  std::vector<double> of_category(subjects[0].size(), 0);
  double agreement = 0, count = 0;
  for (std::size_t i = 0; i < subjects.size(); ++i) {
    double squares = 0;
    for (std::size_t j = 0; j < of_category.size(); ++j) {
      const auto n = static_cast<double>(subjects[i][j]);
      squares += n * n;
      of_category[j] += weights[i] * n;
    }
    agreement += weights[i] * (squares - raters) / (raters * (raters - 1));
    count += weights[i];
  }
  FleissKappa result{.observed = agreement / count};
  for (const double n : of_category) result.expected += n / (count * raters) * (n / (count * raters));
  const bool one_category = std::count_if(of_category.begin(), of_category.end(), [](double n) { return n > 0; }) == 1;
  result.kappa = one_category ? std::numeric_limits<double>::quiet_NaN()
                              : (result.observed - result.expected) / (1 - result.expected);
  return result;
}

void check(std::span<const RatingCounts> subjects) {
  ETHREED_CHECK(!subjects.empty(), "Fleiss' kappa: no subjects, wanted one at least");
  const auto raters_of = [](const RatingCounts& counts) {
    return std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
  };
  const std::int64_t raters = raters_of(subjects[0]);
  ETHREED_CHECK(raters >= 2, "Fleiss' kappa: subject 1 has {} raters, wanted 2 at least", raters);
  for (std::size_t i = 0; i < subjects.size(); ++i) {
    ETHREED_CHECK(subjects[i].size() == subjects[0].size(), "Fleiss' kappa: subject {} has {} categories, wanted {}",
                  i + 1, subjects[i].size(), subjects[0].size());
    ETHREED_CHECK(raters_of(subjects[i]) == raters, "Fleiss' kappa: subject {} has {} raters, wanted {}", i + 1,
                  raters_of(subjects[i]), raters);
  }
}

}  // namespace

FleissKappa fleiss_kappa(std::span<const RatingCounts> subjects) {
  check(subjects);
  return weighted_kappa(subjects, std::vector<std::int32_t>(subjects.size(), 1));
}

Interval fleiss_kappa_interval(std::span<const RatingCounts> subjects, const BootstrapOptions& options) {
  const double whole = fleiss_kappa(subjects).kappa;
  if (std::isnan(whole)) return {whole, whole, whole};
  return Bootstrap(static_cast<int>(subjects.size()), options).interval([&](GroupWeights weights) {
    const double kappa = weighted_kappa(subjects, weights).kappa;
    return std::isnan(kappa) ? whole : kappa;
  });
}

}  // namespace ethreed
