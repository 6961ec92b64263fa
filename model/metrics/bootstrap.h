#pragma once
// How sure is a figure, or the difference of two systems? The dialogues of a test set are drawn with replacement, all
// systems and all their runs are measured on the same draws, and the middle 95 % of what comes out is the interval
// (Efron and Tibshirani, "An Introduction to the Bootstrap", 1993; Koehn, "Statistical significance tests for machine
// translation evaluation", EMNLP 2004). Dialogues, not rows: the turns of one dialogue are not independent.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

namespace ethreed {

/// How often each group (dialogue) was drawn.
using GroupWeights = std::span<const std::int32_t>;
/// A figure of a draw; with all weights 1 that of the whole set. NaN where a draw has nothing to take it of.
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
  /// NaN without any.
  double ratio() const;
};
/// Σ sum / Σ count over the groups drawn, or the exponential of it (a perplexity: `sum` is of −log P).
GroupFigure ratio_figure(std::vector<RatioCounts> groups, bool exponential = false);

/// Of figures that share their work and are asked for one draw after another: what `compute` made of the last weights
/// is kept. The result, a function of weights, is for one thread; what it returns is valid until the next draw.
template <class Compute> auto once_a_draw(Compute compute) {
  using Result = std::invoke_result_t<Compute, GroupWeights>;
  struct Last {
    std::vector<std::int32_t> weights;
    std::optional<Result> result;
  };
  return [compute = std::move(compute), last = std::make_shared<Last>()](GroupWeights weights) -> const Result& {
    if (!last->result || !std::equal(weights.begin(), weights.end(), last->weights.begin(), last->weights.end())) {
      last->result = compute(weights);
      last->weights.assign(weights.begin(), weights.end());
    }
    return *last->result;
  };
}

struct BootstrapOptions {
  int resamples = 1000;
  double level = 0.95;
  std::uint64_t seed = 1;
};

/// One figure of one run.
struct ResampledFigure {
  double value = 0;           ///< on the whole set
  std::vector<double> draws;  ///< on every draw
};

/// The value plus the quantiles (1 ∓ level)/2, between neighbours by proportion, of the draws' distance from their
/// mean. From their mean: a draw has fewer different dialogues than the set, so that a figure that is no mean
/// (Distinct, a divergence) is moved by drawing, and its interval too, but for that. It holds the value, also where
/// nearly all draws are one number. NaN where a draw lacks the figure.
struct Interval {
  double value = 0;
  double low = 0, high = 0;
  bool exists() const { return low <= high; }
  bool holds_zero() const { return low <= 0 && high >= 0; }
  /// It exists and lies on one side of zero.
  bool is_a_difference() const { return exists() && !holds_zero(); }
};

/// A system is several runs that differ in their seed; its figure is the mean over them.
struct SystemDifference {
  Interval dialogues;  ///< had there been other dialogues; the runs stay
  /// And other seeds, too: each system's mean moves by its standard error over the runs times a draw of Student's t
  /// with runs − 1 degrees of freedom, as the spread of a few runs is not known well (Fisher's answer to the problem of
  /// Behrens and Fisher). NaN where a system has one run: its spread is not known at all.
  Interval dialogues_and_seeds;
};

class Bootstrap {
 public:
  /// Draws are functions of seed, number of groups and number of the draw (Philox): the same for every figure and run.
  /// Throws Error without groups, with fewer than two resamples, or for a level outside (0, 1).
  explicit Bootstrap(int groups, const BootstrapOptions& options = {});

  /// Figures of one set of groups on all draws, each draw made once.
  std::vector<ResampledFigure> resample(std::span<const GroupFigure> figures) const;
  ResampledFigure resample(const GroupFigure& figure) const;

  Interval interval(const ResampledFigure& figure) const;
  Interval interval(const GroupFigure& figure) const { return interval(resample(figure)); }
  /// `system` − `base`, each with one figure a run (none empty), resampled by this bootstrap or one like it. With
  /// `same_runs` run i of one is run i of the other (the same training, measured in two ways), and the spread is that
  /// of the differences of such pairs. Throws Error for other numbers of runs then.
  SystemDifference difference(std::span<const ResampledFigure> system, std::span<const ResampledFigure> base,
                              bool same_runs = false) const;
  SystemDifference difference(const ResampledFigure& system, const ResampledFigure& base) const;

 private:
  std::vector<std::int32_t> weights_of(int resample) const;
  Interval around(double value, double centre, std::vector<double> draws) const;

  int groups_;
  BootstrapOptions options_;
};

}  // namespace ethreed
