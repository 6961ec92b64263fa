#pragma once
// KEMP's figures: perplexities, the accuracy of the speaker's emotion, and how many concepts it had.

#include "model/blocks/figure_sums.h"
#include "model/kemp/forward.h"

#include <array>
#include <vector>

namespace ethreed {

class KempFigures {
 public:
  explicit KempFigures(const KempConfig& config) : config_(config) {}
  /// `pass` is a finished pass over `batch`, on the host.
  template <class T> void add(const ContextBatch& batch, const KempPass<T>& pass);
  /// In the order of columns_of. Throws Error if no batch was added.
  std::vector<double> result() const;
  std::vector<FigureShares> shares() const;

  /// Without a graph, or without knowledge, there are no concepts to count.
  static std::span<const FigureColumn> columns_of(const KempConfig& config) {
    return std::span(columns).first(columns.size() - (config.has_graph() && config.has_knowledge() ? 0 : 1));
  }

 private:
  static constexpr std::array<FigureColumn, 9> columns{{
      {.name = "perplexity_token", .label = "PPL", .decimals = 2, .logged = true, .better = Better::lower},
      {.name = "perplexity_macro", .label = "macro PPL", .decimals = 2, .logged = true, .better = Better::lower},
      {.name = "speaker_accuracy", .label = "Acc", .logged = true, .better = Better::higher},
      {.name = "perplexity_reply", .decimals = 2, .better = Better::lower},
      {.name = "dialogues", .count = true},
      {.name = "turns", .count = true},
      {.name = "target_tokens", .count = true},
      {.name = "unk_share"},
      {.name = "concepts_per_reply", .label = "concepts", .decimals = 2},
  }};

  const KempConfig& config_;
  AccuracySum speaker_;
  PerplexitySum perplexity_;
  std::int64_t concepts_ = 0;
};

}  // namespace ethreed
