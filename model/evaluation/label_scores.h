#pragma once
// How well distributions over classes fit the true ones: which class is taken for which, and whether the probabilities
// mean what they say.

#include <cstdint>
#include <span>
#include <vector>

namespace ethreed {

/// Confidence is the probability of the likeliest class. Bin b of B holds the confidences in (b/B, (b + 1)/B]: the
/// reliability diagram of Guo et al., "On calibration of modern neural networks", ICML 2017.
class LabelScores {
 public:
  struct Bin {
    std::int64_t count = 0;
    double confidence = 0, accuracy = 0;  ///< means; 0 of an empty bin
  };

  /// Throws Error unless there are classes and bins.
  explicit LabelScores(int classes, int bins = 10);
  /// `probabilities` [classes]; `label` is the true class, −1 for none, which is passed over. Throws Error if either is
  /// out of range.
  void add(std::span<const double> probabilities, int label);

  int classes() const { return classes_; }
  std::int64_t count() const { return count_; }
  /// How many of the true class were taken for that class.
  std::int64_t taken(int label, int for_class) const {
    return taken_[static_cast<std::size_t>(label) * static_cast<std::size_t>(classes_) +
                  static_cast<std::size_t>(for_class)];
  }
  /// NaN without any, as the two below.
  double accuracy() const;
  double mean_confidence() const;
  /// Σ_b count_b / count · |accuracy_b − confidence_b|.
  double calibration_error() const;
  std::vector<Bin> bins() const;

 private:
  struct Sums {
    std::int64_t count = 0, right = 0;
    double confidence = 0;
  };

  int classes_;
  std::int64_t count_ = 0;
  std::vector<std::int64_t> taken_;  // [classes × classes]
  std::vector<Sums> bins_;
};

}  // namespace ethreed
