#pragma once
// Which rows of the files are scored. Distinct-n falls with the number of replies: two tables compare where it is one.

#include "tools/ethreed/reply_file.h"

#include <cstdint>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace ethreed {

struct RowArguments {
  std::string rows = "all";            ///< or "last": of each conversation the last row
  std::int64_t limit = 0, sample = 0;  ///< of these the first, or so many drawn; 0: all
  bool all() const { return rows == "all" && limit == 0 && sample == 0; }
};
/// --rows, --limit and --sample.
void add_row_options(CLI::App& command, RowArguments& arguments);

/// The rows that are scored, ascending; a draw is a function of the seed. Throws Error where a row says no conversation
/// and last ones are asked for, and where there are fewer rows than are asked for.
std::vector<std::size_t> chosen_rows(const ReplyFile& file, const RowArguments& arguments, std::uint64_t seed);

/// "1000 of 5738 rows: the last of each conversation, 1000 drawn with seed 1"
std::string description_of(const RowArguments& arguments, std::size_t chosen, std::size_t rows, std::uint64_t seed);

/// The chosen ones of a list that has one entry a row, or none.
template <class Entry> void keep_rows(std::vector<Entry>& list, const std::vector<std::size_t>& rows) {
  if (list.empty()) return;
  std::vector<Entry> kept;
  for (const std::size_t row : rows) kept.push_back(std::move(list[row]));
  list = std::move(kept);
}

}  // namespace ethreed
