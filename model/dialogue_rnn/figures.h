#pragma once
// DialogueRNN's figures: accuracies, how they change along a dialogue, F1, cross-entropy.

#include "model/blocks/figure_sums.h"
#include "model/dialogue_rnn/forward.h"

#include <array>
#include <span>
#include <vector>

namespace ethreed {

class DialogueRnnFigures {
 public:
  explicit DialogueRnnFigures(const DialogueRnnConfig& config);
  /// `pass` is a finished pass over `batch`, on the host.
  template <class T> void add(const DialogueRnnBatch& batch, const DialogueRnnPass<T>& pass);
  /// In the order of columns(config). Throws Error if no batch was added.
  std::vector<double> result() const;
  std::vector<FigureShares> shares() const;

  /// The last two are there with labels of replies only.
  static std::span<const FigureColumn> columns(const DialogueRnnConfig& config) {
    return std::span(all_columns).first(config.listener_labels ? 11 : 9);
  }

 private:
  static constexpr std::array<FigureColumn, 11> all_columns{{
      {.name = "speaker_accuracy", .label = "Acc", .logged = true, .better = Better::higher},    // of P_t with a label
      {.name = "speaker_accuracy_1", .label = "", .logged = true, .better = Better::higher},     // of P_1
      {.name = "speaker_accuracy_2", .label = "", .logged = true, .better = Better::higher},     // of P_2
      {.name = "speaker_accuracy_3_on", .label = "", .logged = true, .better = Better::higher},  // of P_t, t ≥ 3
      {.name = "weighted_f1",
       .label = "F1",
       .logged = true,
       .better = Better::higher},  // mean over classes by their number of P_t of 2·TP/(2·TP + FP + FN)
      {.name = "cross_entropy", .label = "cross-entropy", .logged = true, .better = Better::lower},
      {.name = "dialogues", .count = true},
      {.name = "turns", .count = true},
      {.name = "labelled_turns", .count = true},
      {.name = "listener_accuracy", .label = "listener Acc", .logged = true, .better = Better::higher},
      {.name = "listener_turns", .count = true},
  }};

  /// Of one class.
  struct ClassCounts {
    std::int64_t labelled = 0, predicted = 0, right = 0;
  };
  double weighted_f1() const;

  bool listener_labels_;
  AccuracySum speaker_, listener_;
  std::array<AccuracySum, 3> of_turn_;  // t = 1, t = 2, t ≥ 3
  std::vector<ClassCounts> classes_;
  double nll_ = 0;
  std::int64_t dialogues_ = 0, turns_ = 0;
};

}  // namespace ethreed
