#pragma once
// Agreement of raters beyond chance (Fleiss 1971).

#include "model/metrics/bootstrap.h"

#include <cstdint>
#include <span>
#include <vector>

namespace ethreed {

/// How many raters gave each category to one subject.
using RatingCounts = std::vector<std::int64_t>;

struct FleissKappa {
  double observed = 0;  ///< P̄: mean over subjects of the share of pairs of raters that agree
  double expected = 0;  ///< P̄_e: Σ_j p_j², p_j the share of category j among all ratings
  double kappa = 0;     ///< (P̄ − P̄_e) / (1 − P̄_e); NaN where all ratings are of one category
};
/// `subjects` have one number of raters each, the same, two at least, and the same categories. Throws Error otherwise
/// (naming the subject, from 1), and without subjects.
FleissKappa fleiss_kappa(std::span<const RatingCounts> subjects);

/// κ with an interval by drawing subjects again; draws where all ratings are of one category count as κ of the whole
/// set. NaN where κ is.
Interval fleiss_kappa_interval(std::span<const RatingCounts> subjects, const BootstrapOptions& options);

}  // namespace ethreed
