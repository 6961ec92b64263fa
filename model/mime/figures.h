#pragma once
// MIME's figures: perplexities with the predicted and with the gold group, accuracies, the divergence.

#include "model/blocks/figure_sums.h"
#include "model/mime/forward.h"

#include <array>
#include <vector>

namespace ethreed {

/// Perplexities are those of the prior. With the gold group a reply's perplexity knows whether the emotion is positive,
/// as every published one does; with the predicted group it knows what the model knows when it replies.
class MimeFigures {
 public:
  explicit MimeFigures(const MimeConfig& config) : config_(config) {}
  /// `pass` is a finished pass over `batch`, on the host.
  template <class T> void add(const ContextBatch& batch, const MimePass<T>& pass);
  /// In the order of columns. Throws Error if no batch was added.
  std::vector<double> result() const;
  std::vector<FigureShares> shares() const;

  /// Columns that epochs are chosen by.
  enum { perplexity_token = 0, perplexity_gold_group = 2 };
  static constexpr std::array<FigureColumn, 13> columns{{
      {.name = "perplexity_token",
       .label = "PPL",
       .decimals = 2,
       .logged = true,
       .at_mean = true,
       .better = Better::lower},
      {.name = "perplexity_macro",
       .label = "macro PPL",
       .decimals = 2,
       .logged = true,
       .at_mean = true,
       .better = Better::lower},
      {.name = "perplexity_gold_group",
       .label = "PPL, gold group",
       .decimals = 2,
       .logged = true,
       .at_mean = true,
       .better = Better::lower},
      {.name = "perplexity_gold_group_macro", .decimals = 2, .at_mean = true, .better = Better::lower},
      {.name = "speaker_accuracy", .label = "Acc", .logged = true, .better = Better::higher},
      {.name = "group_accuracy", .label = "group", .logged = true, .better = Better::higher},
      {.name = "divergence_per_reply", .label = "KL a reply", .logged = true, .at_mean = true},
      {.name = "perplexity_reply", .decimals = 2, .at_mean = true, .better = Better::lower},
      {.name = "perplexity_gold_group_reply", .decimals = 2, .at_mean = true, .better = Better::lower},
      {.name = "dialogues", .count = true},
      {.name = "turns", .count = true},
      {.name = "target_tokens", .count = true},
      {.name = "unk_share"},
  }};

 private:
  const MimeConfig& config_;
  AccuracySum speaker_;
  PerplexitySum predicted_, gold_;
  double divergence_ = 0;
  std::int64_t labelled_ = 0, right_groups_ = 0;
};

}  // namespace ethreed
