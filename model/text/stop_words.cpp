#include "model/text/stop_words.h"

#include "model/text/unicode.h"
#include "model/text/utf8.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace ethreed {

namespace {

// In the order of bytes.
constexpr auto stop_words = std::to_array<std::string_view>(
    {"'s",      "a",       "about", "above",      "after",    "again",     "against", "all",       "am",     "an",
     "and",     "any",     "are",   "as",         "at",       "be",        "because", "been",      "before", "being",
     "below",   "between", "both",  "but",        "by",       "can",       "did",     "do",        "does",   "doing",
     "down",    "during",  "each",  "few",        "for",      "from",      "further", "had",       "has",    "have",
     "having",  "he",      "her",   "here",       "hers",     "herself",   "him",     "himself",   "his",    "how",
     "i",       "if",      "in",    "into",       "is",       "it",        "its",     "itself",    "just",   "me",
     "more",    "most",    "my",    "myself",     "no",       "nor",       "not",     "now",       "of",     "off",
     "on",      "once",    "only",  "or",         "other",    "our",       "ours",    "ourselves", "out",    "over",
     "own",     "same",    "she",   "should",     "so",       "some",      "such",    "than",      "that",   "the",
     "their",   "theirs",  "them",  "themselves", "then",     "there",     "these",   "they",      "this",   "those",
     "through", "to",      "too",   "under",      "until",    "up",        "us",      "very",      "was",    "we",
     "were",    "what",    "when",  "where",      "which",    "while",     "who",     "whom",      "why",    "will",
     "with",    "you",     "your",  "yours",      "yourself", "yourselves"});
static_assert(std::is_sorted(stop_words.begin(), stop_words.end()));

bool has_letter_or_digit(std::string_view word) {
  for (std::size_t at = 0; at < word.size();) {
    const Character character = decode_utf8(word, at);
    at += character.bytes;
    const CharacterKind kind = kind_of_character(character.code);
    if (kind == CharacterKind::letter || kind == CharacterKind::digit) return true;
  }
  return false;
}

}  // namespace

bool is_stop_word(std::string_view word) {
  return std::binary_search(stop_words.begin(), stop_words.end(), word) || !has_letter_or_digit(word);
}

}  // namespace ethreed
