#pragma once
// The figures of models that label texts.

#include "core/indices.h"
#include "model/blocks/figure_sums.h"
#include "model/interface/model.h"

#include <algorithm>
#include <array>
#include <vector>

namespace ethreed {

/// Figures of a classifier of texts.
class TextLabelFigures {
 public:
  template <class Config> explicit TextLabelFigures(const Config&) {}
  /// `batch` has labels; `pass` has logits [texts, K] and the loss of every text, nll [texts], on the host.
  template <class Batch, class Pass> void add(const Batch& batch, const Pass& pass) {
    accuracy_.add(pass.logits, Indices(batch.labels));
    texts_ += static_cast<std::int64_t>(batch.labels.size());
    for (std::size_t i = 0; i < batch.labels.size(); ++i) {
      const std::int32_t label = batch.labels[i];
      if (label < 0) continue;
      nll_ += static_cast<double>(pass.nll.data()[i]);
      const auto* row = pass.logits.value().row(static_cast<std::int64_t>(i));
      top_five_ += std::count_if(row, row + pass.logits.columns(), [&](auto x) { return x > row[label]; }) < 5;
    }
  }
  /// In the order of `columns`. Throws Error if no labelled text was added.
  std::vector<double> result() const {
    ETHREED_CHECK(accuracy_.rows() > 0, "evaluation: no labelled text to evaluate");
    const auto rows = static_cast<double>(accuracy_.rows());
    return {accuracy_.share(), static_cast<double>(top_five_) / rows, computed_figure(nll_ / rows),
            static_cast<double>(texts_), rows};
  }
  std::vector<FigureShares> shares() const { return {accuracy_.shares(columns[0].name)}; }
  static constexpr std::array<FigureColumn, 5> columns{{
      {.name = "accuracy", .label = "Acc", .logged = true, .better = Better::higher},
      {.name = "accuracy_top_5",
       .label = "top 5",
       .logged = true,
       .better = Better::higher},  // the label is among the five likeliest
      {.name = "cross_entropy", .label = "cross-entropy", .logged = true, .better = Better::lower},
      {.name = "texts", .count = true},
      {.name = "labelled_texts", .count = true},
  }};

 private:
  AccuracySum accuracy_;
  std::int64_t texts_ = 0, top_five_ = 0;
  double nll_ = 0;
};

}  // namespace ethreed
