#pragma once
// Filled sheets of a study, read with every check, and the figures of all raters' answers.

#include "model/metrics/agreement.h"
#include "tools/ethreed/study/study_key.h"

#include <optional>
#include <string>
#include <vector>

namespace ethreed {

/// 0: A is better, 1: tie, 2: B is better.
enum class Choice { a, tie, b };

/// What one rater said: an answer for each item of the key, in its order; nothing where it was left open.
struct FilledSheet {
  std::string path;
  int rater = 0;
  std::vector<std::array<std::optional<int>, rated_aspects.size()>> ratings;
  std::vector<std::optional<Choice>> choices;
  std::int64_t open = 0;  ///< answers left open
};

/// Reads a sheet: CSV as it was handed out or as a spreadsheet saves it, or JSON with the same columns. Throws Error
/// with file and row for a sheet of another study, an item that is not the key's, is there twice or lacks, texts that
/// are not the key's (rows or columns were mixed up), and an answer that is none; with `all` also where one is open.
FilledSheet read_sheet(const std::string& path, const Study& study, bool all);

/// Throws Error where two sheets are of one rater.
void check_raters(const std::vector<FilledSheet>& sheets);

struct StudyFigures {
  struct Rating {
    std::size_t system = 0, aspect = 0;
    std::int64_t count = 0;
    double deviation = 0;  ///< of single ratings (n − 1)
    Interval mean{};       ///< 95 %, by drawing contexts again
  };
  struct Comparison {
    std::size_t first = 0, second = 0;  ///< systems
    std::int64_t win = 0, tie = 0, loss = 0;
    Interval lead{};  ///< (win − loss) / all; NaN without answers
  };
  struct Agreement {
    std::string question;
    std::size_t items = 0;     ///< with an answer of every rater
    std::size_t left_out = 0;  ///< with fewer
    Interval kappa{};          ///< NaN: none
    std::string absent{};      ///< why
  };
  std::vector<Rating> ratings;
  std::vector<Comparison> comparisons;
  std::vector<Agreement> agreements;  ///< of each aspect, then of choices
};
StudyFigures figures_of(const Study& study, const std::vector<FilledSheet>& sheets, const BootstrapOptions& options);

}  // namespace ethreed
