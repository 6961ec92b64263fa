#pragma once
// What a rater gets: the replies of a study without their systems, in an order of the rater's own, as a table (CSV) and
// as one page that works offline.

#include "tools/ethreed/study/study_key.h"

#include <string>
#include <string_view>
#include <vector>

namespace ethreed {

/// Columns of a sheet. `study` and `rater` say whose it is; `empathy`, `relevance` and `fluency` take 1 to 5 where
/// `part` is rating, `choice` takes A, B or tie where it is choice.
inline constexpr std::array<std::string_view, 11> sheet_columns{
    "study", "rater", "item", "part", "context", "reply", "reply_b", "empathy", "relevance", "fluency", "choice"};

/// Items of one context, by their places in Study::ratings and Study::choices.
struct SheetBlock {
  std::size_t context = 0;
  std::vector<std::size_t> ratings, choices;
};
/// Contexts and the replies of each in the order of a rater, 1 … raters.
std::vector<SheetBlock> blocks_of(const Study& study, int rater);

/// "Speaker: … // Listener: … // Speaker: …"
std::string context_text(const StudyContext& context);

std::string sheet_csv(const Study& study, int rater);
/// One file without a request to any network; it keeps what was filled in (localStorage) and saves it as the same
/// table.
std::string sheet_page(const Study& study, int rater);

}  // namespace ethreed
