#include "model/evaluation/label_scores.h"

#include "core/error.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace ethreed {

LabelScores::LabelScores(int classes, int bins) : classes_(classes) {
  ETHREED_CHECK(classes > 0 && bins > 0, "LabelScores: {} classes and {} bins; give at least one of each", classes,
                bins);
  taken_.resize(static_cast<std::size_t>(classes) * static_cast<std::size_t>(classes));
  bins_.resize(static_cast<std::size_t>(bins));
}

void LabelScores::add(std::span<const double> probabilities, int label) {
  ETHREED_CHECK(probabilities.size() == static_cast<std::size_t>(classes_) && label < classes_,
                "LabelScores: {} probabilities and the class {}, of {} classes", probabilities.size(), label, classes_);
  if (label < 0) return;
  const auto best = std::max_element(probabilities.begin(), probabilities.end());
  const int taken_for = static_cast<int>(best - probabilities.begin());
  ++count_;
  ++taken_[static_cast<std::size_t>(label) * static_cast<std::size_t>(classes_) + static_cast<std::size_t>(taken_for)];
  const double last = static_cast<double>(bins_.size()) - 1;
  const double place = std::ceil(*best * static_cast<double>(bins_.size())) - 1;
  Sums& bin = bins_[static_cast<std::size_t>(std::clamp(place, 0.0, last))];
  ++bin.count;
  bin.right += taken_for == label;
  bin.confidence += *best;
}

double LabelScores::accuracy() const {
  std::int64_t right = 0;
  for (const Sums& bin : bins_) right += bin.right;
  return count_ == 0 ? std::numeric_limits<double>::quiet_NaN()
                     : static_cast<double>(right) / static_cast<double>(count_);
}

double LabelScores::mean_confidence() const {
  double sum = 0;
  for (const Sums& bin : bins_) sum += bin.confidence;
  return count_ == 0 ? std::numeric_limits<double>::quiet_NaN() : sum / static_cast<double>(count_);
}

double LabelScores::calibration_error() const {
  double sum = 0;
  for (const Sums& bin : bins_) sum += std::abs(static_cast<double>(bin.right) - bin.confidence);
  return count_ == 0 ? std::numeric_limits<double>::quiet_NaN() : sum / static_cast<double>(count_);
}

std::vector<LabelScores::Bin> LabelScores::bins() const {
  std::vector<Bin> bins;
  for (const Sums& sums : bins_) {
    const auto n = static_cast<double>(std::max<std::int64_t>(1, sums.count));
    bins.push_back(
        {.count = sums.count, .confidence = sums.confidence / n, .accuracy = static_cast<double>(sums.right) / n});
  }
  return bins;
}

}  // namespace ethreed
