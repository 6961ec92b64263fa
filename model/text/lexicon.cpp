#include "model/text/lexicon.h"

#include "core/error.h"
#include "model/text/line_reader.h"
#include "model/text/unicode.h"
#include "model/text/utf8.h"

#include <algorithm>

namespace ethreed {

namespace {

// The word of a line, empty where the line is none of the two layouts.
std::string_view word_of(std::string_view line) {
  const std::size_t first = line.find('\t');
  const std::string_view word = strip(line.substr(0, first));
  if (word.find_first_of(" \t") != std::string_view::npos) return {};
  if (first == std::string_view::npos) return word;
  const std::size_t second = line.find('\t', first + 1);
  if (second == std::string_view::npos) return {};
  const std::string_view tag = strip(line.substr(first + 1, second - first - 1)), flag = strip(line.substr(second + 1));
  return !tag.empty() && (flag == "0" || flag == "1") ? word : std::string_view();
}

}  // namespace

std::vector<std::string> read_lexicon(const std::filesystem::path& path) {
  LineReader lines(path);
  std::vector<std::string> words;
  std::string_view line, before;
  while (lines.next(line)) {
    if (strip(line).empty()) continue;
    const std::string_view word = word_of(line);
    ETHREED_CHECK(!word.empty() && is_utf8(word),
                  "{}: got '{}', wanted one word, or a word, a tag and 0 or 1 between tabs, in UTF-8", lines.place(),
                  excerpt(line));
    if (word != before) words.push_back(compose(lower_case(word)));
    before = word;
  }
  std::sort(words.begin(), words.end());
  words.erase(std::unique(words.begin(), words.end()), words.end());
  ETHREED_CHECK(!words.empty(), "{}: has no words; wanted one a line", lines.path());
  return words;
}

bool lexicon_has(const std::vector<std::string>& lexicon, std::string_view word) {
  return std::binary_search(lexicon.begin(), lexicon.end(), word);
}

}  // namespace ethreed
