#pragma once
// The figures of several files of replies as a table: a row a figure, a column a file.

#include "model/metrics/reply_scores.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace ethreed {

/// A short name for each path: the file's without its ending; the path where two would have the same.
std::vector<std::string> column_names(const std::vector<std::string>& paths);

struct ScoreTable {
  int resamples = 1000;
  std::uint64_t seed = 1;
  std::string vectors{};             ///< what the word vectors are called
  std::vector<std::string> names{};  ///< of the columns
  std::int64_t rows = 0;
  int groups = 0;
  bool dialogues = false;  ///< groups are dialogues, else rows
  std::vector<std::vector<ScoreFigure>> columns{};
  std::vector<std::string> notes{};

  /// Intervals of first column − other column.
  struct Difference {
    std::string figure;
    FigureUnit unit;
    std::size_t column = 0;
    Interval interval{};
  };
  std::vector<Difference> differences{};
  /// By column and figure: its interval, where it has one. Empty: none were asked for.
  std::vector<std::vector<std::optional<Interval>>> intervals{};

  /// Fills `intervals`, or `differences` (for the figures that both columns have), or both, on the same draws.
  void draw(bool with_intervals, bool with_differences);

  std::string text() const;
  std::string markdown() const;
  std::string json() const;
};

}  // namespace ethreed
