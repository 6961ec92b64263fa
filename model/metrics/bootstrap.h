#pragma once
// Intervals by drawing dialogues again (Efron 1979; Koehn 2004 for two systems): the dialogues of a test set are drawn
// with replacement, all systems and all seeds are scored on the same draw, and the middle 95 % of what comes out is the
// interval. Dialogues, not rows: the turns of one dialogue are not independent.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace ethreed {

/// How often each group (dialogue) was drawn.
using GroupWeights = std::span<const std::int32_t>;
/// A figure of a draw; with all weights 1 that of the whole set.
using GroupFigure = std::function<double(GroupWeights)>;

/// Sum of the counts of groups, each as often as it was drawn. `Counts` has add(other, times).
template <class Counts> Counts weighted_sum(const std::vector<Counts>& groups, GroupWeights weights) {
  Counts sum{};
  for (std::size_t g = 0; g < groups.size(); ++g)
    if (weights[g] != 0) sum.add(groups[g], weights[g]);
  return sum;
}

/// A sum over rows and how many they are: for means over rows, and for ratios of two sums.
struct RatioCounts {
  double sum = 0;
  double count = 0;
  void add(const RatioCounts& other, std::int64_t times = 1) {
    sum += static_cast<double>(times) * other.sum;
    count += static_cast<double>(times) * other.count;
  }
  double ratio() const { return count == 0 ? 0 : sum / count; }
};

struct BootstrapOptions {
  int resamples = 1000;
  double level = 0.95;
  std::uint64_t seed = 1;
};

struct Interval {
  double value = 0;          ///< on the whole set
  double low = 0, high = 0;  ///< quantiles (1 ∓ level)/2 of the draws, by nearest rank
};

/// Draws of groups: a pure function of seed, number of groups and number of the draw (Philox).
class Resamples {
 public:
  /// Throws Error without groups or resamples, or for a level outside (0, 1).
  Resamples(int groups, const BootstrapOptions& options);
  /// One figure of one system.
  Interval interval(const GroupFigure& figure) const;
  /// The difference a − b of two systems, each the mean over its seeds: the seeds are scored on the same draws of
  /// dialogues. `centred`: the draws are moved so that their mean is the difference on the whole set; for figures that
  /// every draw changes in one direction, as Distinct, which falls where a dialogue is drawn twice.
  Interval difference(std::span<const GroupFigure> a, std::span<const GroupFigure> b, bool centred = false) const;

 private:
  std::vector<std::int32_t> weights_of(int resample) const;
  Interval of(const GroupFigure& figure, bool centred) const;

  int groups_;
  BootstrapOptions options_;
};

}  // namespace ethreed
