#pragma once
// How the figures of score_replies() are put together: for reply_scores.cpp and reply_variety_scores.cpp alone.

#include "core/indices.h"
#include "model/metrics/reply_scores.h"
#include "model/text/word_table.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <memory>
#include <numeric>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ethreed {

class ReplyScorer {
 public:
  ReplyScorer(const ReplySet& set, const ScoreOptions& options);
  /// All figures, in their order.
  std::vector<ScoreFigure> all();

 private:
  using Ids = std::vector<std::int32_t>;

  Ids ids(const TokenText& text) {
    Ids ids;
    for (const std::string& word : text) ids.push_back(words_.id(word));
    return ids;
  }
  std::size_t rows() const { return replies_.size(); }

  ScoreFigure& add(std::string name, FigureUnit unit, double value) {
    return figures_.emplace_back(ScoreFigure{.name = std::move(name), .unit = unit, .value = value});
  }
  ScoreFigure& add(std::string name, FigureUnit unit, GroupFigure figure) {
    const std::vector<std::int32_t> once(static_cast<std::size_t>(groups_), 1);
    ScoreFigure& added = add(std::move(name), unit, figure(once));
    if (std::isnan(added.value))
      added.absent = "no row has what it is taken of";
    else
      added.of_draw = std::move(figure);
    return added;
  }
  void add_absent(std::string name, FigureUnit unit, std::string reason) {
    add(std::move(name), unit, std::numeric_limits<double>::quiet_NaN()).absent = std::move(reason);
  }
  void add_absent(std::string_view name, int orders, FigureUnit unit, const std::string& reason) {
    for (int n = 1; n <= orders; ++n) add_absent(fmt::format("{}_{}", name, n), unit, reason);
  }

  // Counts of the rows, summed by dialogue.
  template <class Counts, class OfRow> std::shared_ptr<const std::vector<Counts>> by_group(const OfRow& of_row) const {
    auto groups = std::make_shared<std::vector<Counts>>(static_cast<std::size_t>(groups_));
    for (std::size_t i = 0; i < rows(); ++i) (*groups)[static_cast<std::size_t>(group_of_[i])].add(of_row(i));
    return groups;
  }
  template <class Counts, class Value>
  static GroupFigure of_sum(std::shared_ptr<const std::vector<Counts>> groups, Value value) {
    return [groups = std::move(groups), value](GroupWeights weights) { return value(weighted_sum(*groups, weights)); };
  }
  // The ratio of two sums over rows.
  template <class OfRow>
  ScoreFigure& add_ratio(std::string name, FigureUnit unit, const OfRow& of_row, double scale = 1) {
    return add(std::move(name), unit,
               of_sum(by_group<RatioCounts>(of_row), [scale](const RatioCounts& sum) { return scale * sum.ratio(); }));
  }
  template <class OfRow>
  ScoreFigure& add_mean(std::string name, FigureUnit unit, const OfRow& of_row, double scale = 1) {
    return add_ratio(
        std::move(name), unit,
        [&](std::size_t i) {
          return RatioCounts{static_cast<double>(of_row(i)), 1};
        },
        scale);
  }

  // Against references.
  void bleu_figures();
  void sentence_figures();
  void candidate_figures();
  void overlap_figures();
  void embedding_figures();
  // Of the replies themselves.
  void variety_figures();
  void self_bleu_figures();
  void repetition_figures();
  void length_figures();
  void copy_figures();

  const ReplySet& set_;
  const ScoreOptions& options_;
  WordTable words_;
  std::vector<Ids> replies_, references_;
  Ids group_of_;
  int groups_ = 0;
  std::vector<ScoreFigure> figures_;
};

}  // namespace ethreed
