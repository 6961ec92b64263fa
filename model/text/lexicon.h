#pragma once
// The words of a lexicon: a list, or a table of words and what each is tagged with.

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace ethreed {

/// The words of a file, in the order of their bytes, each once, in lower case and form C of Unicode, as tokens are. A
/// line is one word, or a word, a tag and 0 or 1 between tabs (the layout of the NRC Emotion Lexicon, whose word stands
/// in ten lines); every word counts, whatever its tags. Blank lines are passed over. Throws Error if the file cannot be
/// read or has no word, and (file:line) on every other line.
std::vector<std::string> read_lexicon(const std::filesystem::path& path);

/// Whether such a list has this word.
bool lexicon_has(const std::vector<std::string>& lexicon, std::string_view word);

}  // namespace ethreed
