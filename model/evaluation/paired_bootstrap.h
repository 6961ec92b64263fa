#pragma once
// How sure is a difference between two systems on the same dialogues? Dialogues are drawn with replacement, the same
// ones for both (Efron and Tibshirani, "An Introduction to the Bootstrap", 1993; Koehn, "Statistical significance tests
// for machine translation evaluation", EMNLP 2004).

#include "core/indices.h"
#include "model/blocks/figure_shares.h"
#include "model/metrics/bootstrap.h"

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace ethreed {

/// A figure of one run over dialogues drawn: numbers from 0, some of them several times, others never. NaN if it does
/// not exist for them.
using DialogueStatistic = std::function<double(Indices dialogues)>;

/// Σ sum / Σ count over the dialogues, or the exponential of it. Copies the shares.
DialogueStatistic ratio_statistic(std::vector<ExampleShare> of_dialogue, bool exponential);

/// Distinct-n × 100 over the replies in the dialogues: different n-grams / n-grams, none across replies.
/// `replies`: of every dialogue, the words of each.
DialogueStatistic distinct_statistic(const std::vector<std::vector<std::vector<std::string>>>& replies, int n);

/// One figure of one run.
struct ResampledFigure {
  double value = 0;              ///< over all dialogues, each once
  std::vector<double> resample;  ///< over every draw
};

struct Bounds {
  double low = 0, high = 0;
};

/// A system is several runs that differ in their seed; its figure is the mean over them.
struct PairedDifference {
  double value = 0;            ///< of the means
  Bounds dialogues;            ///< had there been other dialogues; the runs stay
  Bounds dialogues_and_seeds;  ///< and other seeds, too: of each system as many runs are drawn as it has
};

class PairedBootstrap {
 public:
  /// Draws are functions of seed and number (Philox): the same dialogues for every figure and run. Throws Error if
  /// there is no dialogue or an option is out of range.
  explicit PairedBootstrap(int dialogues, const BootstrapOptions& options = {});

  ResampledFigure resample(const DialogueStatistic& statistic) const;
  /// `system` − `base`, each with one figure a run (none empty; all of this bootstrap). An interval holds the value
  /// plus the quantiles of the resamples' distance from their mean: a resample has fewer different dialogues than there
  /// are, so that a figure that is no mean (Distinct) is moved by it, and the interval with it, were it not for that.
  /// NaN where a figure does not exist.
  PairedDifference difference(std::span<const ResampledFigure> system, std::span<const ResampledFigure> base) const;

 private:
  Bounds interval(double value, std::vector<double> resamples) const;

  BootstrapOptions options_;
  std::vector<std::vector<std::int32_t>> draws_;  // [resamples][dialogues]
};

}  // namespace ethreed
