#pragma once
// How well a classifier of texts does on a split.

#include "model/evaluation/label_scores.h"

#include <nlohmann/json_fwd.hpp>

#include <span>
#include <string>
#include <vector>

namespace ethreed {

class ClassifierFigures {
 public:
  explicit ClassifierFigures(int classes) : scores_(classes) {}
  /// `probabilities` [classes]; `label` from 0.
  void add(std::span<const double> probabilities, int label);

  double accuracy() const { return scores_.accuracy(); }
  /// Share of texts whose class is among the five likeliest (all of them, where there are fewer).
  double top_five() const;
  /// Mean −log p of the true class, in nats.
  double cross_entropy() const;

  /// A line of figures, then the pairs of classes that are taken for each other most.
  std::string text(const std::string& split, const std::vector<std::string>& classes) const;
  /// The same with the whole confusion [true][taken for] and the bins of the calibration error.
  nlohmann::ordered_json json() const;

 private:
  LabelScores scores_;
  std::int64_t among_five_ = 0;
  double loss_ = 0;
};

}  // namespace ethreed
