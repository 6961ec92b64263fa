#include "model/text/tokenizer.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

namespace ethreed {

namespace {

constexpr std::string_view comma_mark = "_comma_";

// White space, control characters, and the invisible marks that word processors and web pages leave between words.
bool is_space(char32_t c) {
  return c <= ' ' || (c >= 0x7F && c <= 0xA0) || (c >= 0x2000 && c <= 0x200F) || (c >= 0x2028 && c <= 0x202F) ||
         c == 0x205F || c == 0x1680 || c == 0x3000 || c == 0xFEFF;
}

// Rule 1: one spelling for what is the same. The result is UTF-8 and its only white space is ' '.
std::string normalise(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    if (text[i] == '_' && text.substr(i, comma_mark.size()) == comma_mark) {
      out += ',';
      i += comma_mark.size();
      continue;
    }
    const Character c = decode_utf8(text, i);
    switch (c.code) {
      case U'‘':
      case U'’': out += '\''; break;
      case U'“':
      case U'”': out += '"'; break;
      case U'…': out += "..."; break;
      case replacement_character: out += "\xEF\xBF\xBD"; break;
      default:
        if (is_space(c.code))
          out += ' ';
        else if (c.code >= 'A' && c.code <= 'Z')
          out += static_cast<char>(c.code - 'A' + 'a');
        else
          out += text.substr(i, c.bytes);
    }
    i += c.bytes;
  }
  return out;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Letters and digits. Beyond ASCII: everything but Latin-1 signs, general punctuation and symbols (U+2000 to U+2BFF),
// CJK punctuation, variation selectors, and the planes of pictographs.
bool is_word_character(char32_t c) {
  if (c < 0x80) return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
  if (c < 0xC0 || c == 0xD7 || c == 0xF7 || c == replacement_character) return false;
  return !((c >= 0x2000 && c <= 0x2BFF) || (c >= 0x3000 && c <= 0x303F) || (c >= 0xFE00 && c <= 0xFE0F) ||
           c >= 0x1F000);
}

// The end of the number with inner marks that starts at `begin`, or `begin` if the digits there are followed by letters
// or carry no mark (then it is an ordinary word).
std::size_t number_end(std::string_view text, std::size_t begin) {
  std::size_t end = begin;
  bool marked = false;
  for (;;) {
    while (end < text.size() && is_digit(text[end])) ++end;
    const bool mark = end > begin && end + 1 < text.size() &&
                      (text[end] == '.' || text[end] == ',' || text[end] == ':') && is_digit(text[end + 1]);
    if (!mark) break;
    marked = true;
    ++end;
  }
  const bool letters_follow = end < text.size() && is_word_character(decode_utf8(text, end).code);
  return marked && !letters_follow ? end : begin;
}

// The end of the word that starts at `begin`: word characters, and apostrophes between two of them.
std::size_t word_end(std::string_view text, std::size_t begin) {
  std::size_t end = begin;
  while (end < text.size()) {
    const Character c = decode_utf8(text, end);
    if (is_word_character(c.code)) {
      end += c.bytes;
    } else if (c.code == '\'' && end > begin && end + 1 < text.size() &&
               is_word_character(decode_utf8(text, end + 1).code)) {
      ++end;
    } else {
      break;
    }
  }
  return end;
}

struct Expansion {
  std::string_view from;
  std::string_view first;
  std::string_view second;
};
constexpr std::array<Expansion, 6> whole_words{{{"can't", "can", "not"},
                                                {"won't", "will", "not"},
                                                {"shan't", "shall", "not"},
                                                {"ain't", "is", "not"},
                                                {"let's", "let", "us"},
                                                {"y'all", "you", "all"}}};
constexpr std::array<std::pair<std::string_view, std::string_view>, 6> endings{
    {{"n't", "not"}, {"'ll", "will"}, {"'re", "are"}, {"'ve", "have"}, {"'d", "would"}, {"'m", "am"}}};
// After these, 's is "is" far more often than anything else.
constexpr std::array<std::string_view, 23> subjects{"anything", "everybody", "everyone",  "everything", "he",    "here",
                                                    "how",      "it",        "nobody",    "nothing",    "one",   "she",
                                                    "somebody", "someone",   "something", "that",       "there", "this",
                                                    "what",     "when",      "where",     "who",        "why"};
static_assert(std::is_sorted(subjects.begin(), subjects.end()));

// Rule 3: appends the expansion of a word. Endings may stack (couldn't've): what precedes one is expanded in turn.
void expand(std::string_view word, std::vector<std::string>& tokens) {
  for (const Expansion& whole : whole_words) {
    if (word != whole.from) continue;
    tokens.emplace_back(whole.first);
    tokens.emplace_back(whole.second);
    return;
  }
  for (const auto& [ending, full] : endings) {
    if (word.size() <= ending.size() || !word.ends_with(ending)) continue;
    expand(word.substr(0, word.size() - ending.size()), tokens);
    tokens.emplace_back(full);
    return;
  }
  if (word.size() > 2 && word.ends_with("'s")) {
    const std::string_view owner = word.substr(0, word.size() - 2);
    expand(owner, tokens);
    tokens.emplace_back(std::binary_search(subjects.begin(), subjects.end(), owner) ? "is" : "'s");
    return;
  }
  tokens.emplace_back(word);
}

bool hugs_left(std::string_view token) {
  constexpr std::array<std::string_view, 12> marks{",", ".", "!", "?", ";", ":", ")", "]", "%", "...", "'s", "-"};
  return std::find(marks.begin(), marks.end(), token) != marks.end();
}
bool hugs_right(std::string_view token) {
  constexpr std::array<std::string_view, 6> marks{"(", "[", "$", "£", "#", "-"};
  return std::find(marks.begin(), marks.end(), token) != marks.end();
}

}  // namespace

std::vector<std::string> tokenize(std::string_view raw) {
  const std::string normal = normalise(raw);
  const std::string_view text = normal;
  std::vector<std::string> tokens;
  for (std::size_t i = 0; i < text.size();) {
    if (text[i] == ' ') {
      ++i;
    } else if (const std::size_t number = number_end(text, i); number > i) {
      tokens.emplace_back(text.substr(i, number - i));
      i = number;
    } else if (const std::size_t word = word_end(text, i); word > i) {
      expand(text.substr(i, word - i), tokens);
      i = word;
    } else if (text.substr(i, 2) == "..") {
      tokens.emplace_back("...");
      while (i < text.size() && text[i] == '.') ++i;
    } else {
      const std::size_t bytes = decode_utf8(text, i).bytes;
      tokens.emplace_back(text.substr(i, bytes));
      i += bytes;
    }
  }
  return tokens;
}

std::string detokenize(std::span<const std::string_view> tokens) {
  std::string out;
  bool glue = true;        // no space before the next token
  bool in_quotes = false;  // between an opening and a closing "
  for (const std::string_view token : tokens) {
    const bool quote = token == "\"";
    const bool closing = quote && in_quotes;
    if (!glue && !closing && !hugs_left(token)) out += ' ';
    out += token;
    if (quote) in_quotes = !in_quotes;
    glue = hugs_right(token) || (quote && in_quotes);
  }
  return out;
}

}  // namespace ethreed
