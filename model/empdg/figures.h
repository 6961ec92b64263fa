#pragma once
// EmpDG's figures: perplexities, the accuracy of the speaker's emotion, how many emotion words a context has.

#include "model/blocks/figure_sums.h"
#include "model/empdg/forward.h"

#include <array>
#include <vector>

namespace ethreed {

class EmpdgFigures {
 public:
  explicit EmpdgFigures(const EmpdgConfig& config) : config_(config) {}
  /// `pass` is a finished pass over `batch`, on the host.
  template <class T> void add(const EmpdgBatch& batch, const EmpdgPass<T>& pass);
  /// In the order of columns. Throws Error if no batch was added.
  std::vector<double> result() const;
  std::vector<FigureShares> shares() const;

  /// Columns that epochs are chosen by.
  enum { perplexity_token = 0, speaker_accuracy = 2 };
  static constexpr std::array<FigureColumn, 9> columns{{
      {.name = "perplexity_token", .label = "PPL", .decimals = 2, .logged = true, .better = Better::lower},
      {.name = "perplexity_macro", .label = "macro PPL", .decimals = 2, .logged = true, .better = Better::lower},
      {.name = "speaker_accuracy", .label = "Acc", .logged = true, .better = Better::higher},
      {.name = "emotion_words_per_turn"},
      {.name = "perplexity_reply", .decimals = 2, .better = Better::lower},
      {.name = "dialogues", .count = true},
      {.name = "turns", .count = true},
      {.name = "target_tokens", .count = true},
      {.name = "unk_share"},
  }};

 private:
  const EmpdgConfig& config_;
  AccuracySum speaker_;
  PerplexitySum perplexity_;
  std::int64_t emotion_words_ = 0;
};

}  // namespace ethreed
