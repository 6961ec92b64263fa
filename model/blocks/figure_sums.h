#pragma once
// What models add up over a split for their figures: perplexities of target tokens and accuracies of labels.

#include "autograd/tape.h"
#include "core/indices.h"
#include "kernels/common/row_layout.h"
#include "model/blocks/dialogue_batch.h"
#include "model/blocks/figure_shares.h"

#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace ethreed {

/// A figure of nothing (an accuracy without a label, say) does not exist. One that cannot be computed is infinite.
inline constexpr double absent_figure = std::numeric_limits<double>::quiet_NaN();
inline double computed_figure(double value) {
  return std::isfinite(value) ? value : std::numeric_limits<double>::infinity();
}
/// sum / count
inline double mean_figure(double sum, std::int64_t count) {
  return count == 0 ? absent_figure : computed_figure(sum / static_cast<double>(count));
}

/// Index of the largest value, the first of equals.
template <class T> int argmax(std::span<const T> values) {
  int best = 0;
  for (int i = 1; i < count_of(values); ++i)
    if (values[i] > values[best]) best = i;
  return best;
}
/// Of one row of logits on the host.
template <class T> int argmax_of_row(const Variable<T>& logits, int row) {
  return argmax<T>(logits.value().row_span(row));
}

/// The share of rows whose largest logit is that of their label; rows with label −1 do not count.
class AccuracySum {
 public:
  /// Every row is an example.
  template <class T> void add(const Variable<T>& logits, Indices labels) {
    add(logits, labels, labels.size(), [](int row) { return row; });
  }
  /// Row i is of turn row i of the batch, whose examples are dialogues.
  template <class T> void add(const Variable<T>& logits, Indices labels, const DialogueBatch& batch) {
    add(logits, labels, batch.dialogues(), [&](int row) { return batch.turn_dialogue[row]; });
  }
  std::int64_t rows() const { return rows_; }
  /// Absent if there is no row.
  double share() const { return mean_figure(static_cast<double>(right_), rows_); }
  FigureShares shares(std::string_view name) const { return {.name = name, .of_example = of_example_}; }

 private:
  template <class T, class ExampleOf>
  void add(const Variable<T>& logits, Indices labels, int examples, ExampleOf example_of) {
    const std::size_t first = of_example_.size();
    of_example_.resize(first + static_cast<std::size_t>(examples));
    for (int i = 0; i < labels.size(); ++i) {
      if (labels[i] < 0) continue;
      const bool right = argmax_of_row(logits, i) == labels[i];
      ++rows_;
      right_ += right;
      of_example_[first + static_cast<std::size_t>(example_of(i))] += {right ? 1.0 : 0.0, 1};
    }
  }

  std::int64_t right_ = 0, rows_ = 0;
  std::vector<ExampleShare> of_example_;
};

/// Beyond every word id.
inline constexpr std::int32_t no_word = std::numeric_limits<std::int32_t>::max();

/// Perplexities of the replies of dialogues. Sums are taken in double, dialogue by dialogue in the order they were
/// given, their turns in order: they do not depend on the layout of a batch.
class PerplexitySum {
 public:
  /// log_probability: of every target token of the batch, on the host. Targets that are UNK, or from `unknown_from` on,
  /// count as unknown: V for a model that cannot copy. `targets` are those of the batch unless others are given.
  template <class T>
  void add(const DialogueBatch& batch, const T* log_probability, std::int32_t unknown_from = no_word,
           Indices targets = {});

  std::int64_t dialogues() const { return dialogues_; }
  std::int64_t turns() const { return turns_; }
  std::int64_t tokens() const { return tokens_; }
  /// exp(mean over tokens of −log P)
  double token() const { return computed_figure(std::exp(mean_figure(nll_, tokens_))); }
  /// exp(mean over turns of mean over tokens of −log P): what a mean over batches of one reply is
  double reply() const { return computed_figure(std::exp(mean_figure(reply_, turns_))); }
  /// exp(mean over dialogues of mean over turns of mean over tokens of −log P)
  double macro() const { return computed_figure(std::exp(mean_figure(macro_, dialogues_))); }
  /// Share of the target tokens that are UNK.
  double unknown_share() const { return mean_figure(static_cast<double>(unknown_), tokens_); }
  /// Of token() and macro(), by dialogue.
  FigureShares token_shares(std::string_view name) const { return {name, true, token_shares_}; }
  FigureShares macro_shares(std::string_view name) const { return {name, true, macro_shares_}; }

 private:
  std::vector<ExampleShare> token_shares_, macro_shares_;
  double nll_ = 0, reply_ = 0, macro_ = 0;
  std::int64_t unknown_ = 0, dialogues_ = 0, turns_ = 0, tokens_ = 0;
};

template <class T>
void PerplexitySum::add(const DialogueBatch& batch, const T* log_probability, std::int32_t unknown_from,
                        Indices targets) {
  const RowLayout rows = batch.rows();
  if (targets.empty()) targets = batch.targets;
  std::vector<std::vector<double>> turn_nll(batch.dialogues());
  const std::size_t first = token_shares_.size();
  token_shares_.resize(first + static_cast<std::size_t>(batch.dialogues()));
  for (int i = 0; i < batch.turns(); ++i) {
    const int r = batch.row_of_turn[i];
    double nll = 0;
    for (int token = rows.target(r); token < rows.target(r + 1); ++token) {
      nll -= static_cast<double>(log_probability[token]);
      const std::int32_t target = targets[token];
      unknown_ += target == unk_id || target >= unknown_from;
    }
    nll_ += nll;
    reply_ += nll / rows.target_count(r);
    turn_nll[batch.turn_dialogue[i]].push_back(nll / rows.target_count(r));
    token_shares_[first + static_cast<std::size_t>(batch.turn_dialogue[i])] += {nll, rows.target_count(r)};
  }
  for (const auto& turns : turn_nll) {
    double mean = 0;
    for (const double nll : turns) mean += nll / static_cast<double>(turns.size());
    macro_ += mean;
    macro_shares_.push_back({mean, 1});
  }
  dialogues_ += batch.dialogues();
  turns_ += batch.turns();
  tokens_ += batch.target_tokens();
}

}  // namespace ethreed
