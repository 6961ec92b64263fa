#pragma once
// The figures of section 8: accuracies, perplexities, coverage.

#include "model/blocks/figure_sums.h"
#include "model/ethreed/forward.h"

namespace ethreed {

/// What teacher-forced passes over a split show.
class EthreedFigures {
 public:
  explicit EthreedFigures(const EthreedConfig&) {}
  /// `pass` is a finished pass over `batch`, on the host.
  template <class T> void add(const DialogueBatch& batch, const ForwardPass<T>& pass);
  /// In the order of `columns`. Throws Error if no batch was added.
  std::vector<double> result() const;
  std::vector<FigureShares> shares() const;

  static constexpr std::array<FigureColumn, 11> columns{{
      {.name = "speaker_accuracy",
       .label = "Acc",
       .logged = true,
       .better = Better::higher},  // share of turns with argmax W_e e^P = y^P
      {.name = "listener_accuracy",
       .label = "listener Acc",
       .logged = true,
       .better = Better::higher},  // the same for R over labelled turns
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
      {.name = "coverage", .label = "coverage", .logged = true},  // L4 over the split
      {.name = "policy_divergence"},                              // L2 over the split; absent without the term
      {.name = "dialogues", .count = true},
      {.name = "turns", .count = true},
      {.name = "listener_turns", .count = true},
      {.name = "target_tokens", .count = true},
      {.name = "unk_share"},
  }};
  static constexpr int speaker_accuracy = 0, perplexity_token = 2;  ///< places of what may select a checkpoint

 private:
  AccuracySum speaker_, listener_;
  PerplexitySum perplexity_;
  double coverage_ = 0, divergence_ = 0;
  std::int64_t divergence_turns_ = 0;
};

}  // namespace ethreed
