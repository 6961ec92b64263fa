#include "tools/ethreed/table_notes.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace ethreed {

std::vector<std::string> table_notes(const CorpusSplit& split) {
  constexpr std::array<std::string_view, 6> keys{"latin1_rows",      "broken_rows",  "nul_rows",
                                                 "malformed_quotes", "joined_lines", "lines_apart"};
  std::vector<std::string> lines;
  for (const Note& note : split.notes)
    if (std::find(keys.begin(), keys.end(), note.key) != keys.end()) lines.push_back(note.line());
  return lines;
}

}  // namespace ethreed
