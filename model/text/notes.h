#pragma once
// What a reader met that its user should know: counted, with the first place.

#include <cstdint>
#include <string>

namespace ethreed {

struct Note {
  std::string key;         ///< for programs: "empty_utterances"
  std::int64_t count = 0;  ///< above 0
  std::string first;       ///< "file:line" without folders, or empty
  std::string text;        ///< for people, with the count in it and without the place

  /// "12 rows have NUL bytes, read as spaces; first train.csv:7"
  std::string line() const { return first.empty() ? text : text + "; first " + first; }
};

}  // namespace ethreed
