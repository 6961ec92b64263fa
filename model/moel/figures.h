#pragma once
// MoEL's figures: perplexities with the predicted gate, accuracies of the speaker's emotion.

#include "model/blocks/figure_sums.h"
#include "model/moel/forward.h"

#include <array>
#include <vector>

namespace ethreed {

/// The share of rows whose label is among the `most` largest logits, of equal ones the first; rows with label −1 do not
/// count.
class TopAccuracySum {
 public:
  explicit TopAccuracySum(int most) : most_(most) {}
  /// Row i is of turn row i of the batch.
  template <class T> void add(const Variable<T>& logits, Indices labels);
  double share() const { return mean_figure(static_cast<double>(right_), rows_); }

 private:
  int most_;
  std::int64_t right_ = 0, rows_ = 0;
};

class MoelFigures {
 public:
  explicit MoelFigures(const MoelConfig& config) : config_(config) {}
  /// `pass` is a finished pass over `batch`, on the host.
  template <class T> void add(const ContextBatch& batch, const MoelPass<T>& pass);
  /// In the order of columns. Throws Error if no batch was added.
  std::vector<double> result() const;
  std::vector<FigureShares> shares() const;

  static constexpr std::array<FigureColumn, 10> columns{{
      {.name = "perplexity_token", .label = "PPL", .decimals = 2, .logged = true, .better = Better::lower},
      {.name = "perplexity_macro", .label = "macro PPL", .decimals = 2, .logged = true, .better = Better::lower},
      {.name = "speaker_accuracy", .label = "Acc", .logged = true, .better = Better::higher},
      {.name = "speaker_accuracy_top_3", .label = "top 3", .logged = true, .better = Better::higher},
      {.name = "speaker_accuracy_top_5", .label = "top 5", .logged = true, .better = Better::higher},
      {.name = "perplexity_reply", .decimals = 2, .better = Better::lower},
      {.name = "dialogues", .count = true},
      {.name = "turns", .count = true},
      {.name = "target_tokens", .count = true},
      {.name = "unk_share"},
  }};

 private:
  const MoelConfig& config_;
  AccuracySum speaker_;
  TopAccuracySum top_3_{3}, top_5_{5};
  PerplexitySum perplexity_;
};

}  // namespace ethreed
