#pragma once
// The two corpora on which reference values of metrics were computed, and texts as metrics take them.

#include "model/text/word_table.h"

#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace ethreed {

using Words = std::vector<std::string>;

/// Split on blanks.
inline Words words_of(std::string_view text) {
  Words words;
  std::istringstream stream{std::string(text)};
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

inline std::vector<Words> words_of_all(const std::vector<std::string_view>& texts) {
  std::vector<Words> all;
  for (const std::string_view text : texts) all.push_back(words_of(text));
  return all;
}

inline std::vector<std::int32_t> ids_of(const Words& words, WordTable& table) {
  std::vector<std::int32_t> ids;
  for (const std::string& word : words) ids.push_back(table.id(word));
  return ids;
}

inline std::vector<std::vector<std::int32_t>> ids_of_all(const std::vector<Words>& texts, WordTable& table) {
  std::vector<std::vector<std::int32_t>> all;
  for (const Words& text : texts) all.push_back(ids_of(text, table));
  return all;
}

/// Corpus A: candidates and references.
inline const std::vector<Words> candidates_a =
    words_of_all({"i am so sorry to hear that", "that is great ! i am so happy for you", "oh no"});
inline const std::vector<Words> references_a = words_of_all(
    {"i am sorry to hear that . what happened ?", "that is awesome ! i am happy for you", "oh no , are you okay ?"});
/// Corpus B: replies.
inline const std::vector<Words> replies_b =
    words_of_all({"i am sorry to hear that", "that is great", "i am sorry to hear that", "that is so sad to hear"});

}  // namespace ethreed
