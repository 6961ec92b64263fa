#include "model/text/tokenizer.h"

#include "core/error.h"
#include "model/text/line_reader.h"
#include "model/text/published_tokens.h"
#include "model/text/unicode.h"
#include "model/text/utf8.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

namespace ethreed {

namespace {

constexpr std::string_view comma_mark = "_comma_";

constexpr char32_t soft_hyphen = 0xAD;

// Between letters of Persian or Hindi, say, they are part of the word; elsewhere they are invisible.
bool is_joiner(char32_t c) { return c == 0x200C || c == 0x200D; }

bool is_variation_selector(char32_t c) { return c >= 0xFE00 && c <= 0xFE0F; }

// White space, control characters, and the invisible marks that word processors and web pages leave between words.
bool is_space(char32_t c) {
  if (c < 0x80) return c <= ' ' || c == 0x7F;
  return (c <= 0xA0) || (c >= 0x2000 && c <= 0x200F) || (c >= 0x2028 && c <= 0x202F) ||
         (c != soft_hyphen && kind_of_character(c) == CharacterKind::space);
}

// Letters, digits and the marks that belong to letters. Latin-1's signs, general punctuation and symbols (U+2000 to
// U+2BFF), ideographs and the planes of pictographs stand alone.
bool is_word_character(char32_t c) {
  if (c < 0x80) return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
  if (is_joiner(c)) return true;  // rule 1 left none elsewhere
  if (c < 0xC0 || (c >= 0x2000 && c <= 0x2BFF) || c >= 0x1F000 || is_ideograph(c)) return false;
  const CharacterKind kind = kind_of_character(c);
  return kind == CharacterKind::letter || kind == CharacterKind::digit;
}

// Whether the joiner at text[i], which has 3 bytes, stands between two letters beyond ASCII; `before` is the character
// before it.
bool joins_letters(std::string_view text, std::size_t i, char32_t before) {
  return before >= 0xC0 && is_word_character(before) && i + 3 < text.size() && decode_utf8(text, i + 3).code >= 0xC0 &&
         is_word_character(decode_utf8(text, i + 3).code);
}

// Rule 1: one spelling for what is the same. The result is UTF-8 and its only white space is ' '.
std::string normalise(std::string_view raw) {
  const bool ascii = std::all_of(raw.begin(), raw.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  const std::string composed = ascii ? std::string() : compose(replace_broken(raw));
  const std::string_view text = ascii ? raw : composed;
  std::string out;
  out.reserve(text.size());
  char32_t before = 0;
  for (std::size_t i = 0; i < text.size();) {
    if (text[i] == '_' && text.substr(i, comma_mark.size()) == comma_mark) {
      out += ',';
      i += comma_mark.size();
      before = ',';
      continue;
    }
    const Character c = decode_utf8(text, i);
    switch (c.code) {
      case U'‘':
      case U'’': out += '\''; break;
      case U'“':
      case U'”': out += '"'; break;
      case U'…': out += "..."; break;
      case soft_hyphen: break;
      default:
        if (is_variation_selector(c.code)) break;
        if (is_space(c.code) && !(is_joiner(c.code) && joins_letters(text, i, before)))
          out += ' ';
        else
          append_utf8(out, lower_case(c.code));
    }
    before = c.code;
    i += c.bytes;
  }
  return out;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// A run of digits with inner marks: 3.5, 10,000, 5:30.
struct NumberRun {
  std::size_t end = 0;
  bool is_number = false;  // it has a mark, and no letter follows
};

NumberRun number_run(std::string_view text, std::size_t begin) {
  NumberRun run{.end = begin};
  bool marked = false;
  for (;;) {
    while (run.end < text.size() && is_digit(text[run.end])) ++run.end;
    const bool mark = run.end > begin && run.end + 1 < text.size() &&
                      (text[run.end] == '.' || text[run.end] == ',' || text[run.end] == ':') &&
                      is_digit(text[run.end + 1]);
    if (!mark) break;
    marked = true;
    ++run.end;
  }
  const bool letters_follow = run.end < text.size() && is_word_character(decode_utf8(text, run.end).code);
  run.is_number = marked && !letters_follow;
  return run;
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

// Takes the ending off a word: what it stands for, or an empty text if it has none.
std::string_view take_ending(std::string_view& word) {
  for (const auto& [ending, full] : endings) {
    if (word.size() <= ending.size() || !word.ends_with(ending)) continue;
    word.remove_suffix(ending.size());
    return full;
  }
  if (word.size() <= 2 || !word.ends_with("'s")) return {};
  word.remove_suffix(2);
  return std::binary_search(subjects.begin(), subjects.end(), word) ? "is" : "'s";
}

// Rule 3: appends the expansion of a word. Endings may stack (couldn't've): they are taken off one by one.
void expand(std::string_view word, std::vector<std::string>& tokens, std::vector<std::string_view>& taken) {
  taken.clear();
  const Expansion* whole = nullptr;
  for (;;) {
    const auto same = [&](const Expansion& expansion) { return expansion.from == word; };
    const auto place = std::find_if(whole_words.begin(), whole_words.end(), same);
    if (place != whole_words.end()) whole = &*place;
    const std::string_view ending = whole == nullptr ? take_ending(word) : std::string_view{};
    if (ending.empty()) break;
    taken.push_back(ending);
  }
  if (whole != nullptr) {
    tokens.emplace_back(whole->first);
    tokens.emplace_back(whole->second);
  } else {
    tokens.emplace_back(word);
  }
  tokens.insert(tokens.end(), taken.rbegin(), taken.rend());
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
  std::vector<std::string_view> taken;
  std::size_t no_number_before = 0;  // a run that is no number is looked at once, not from each of its digits
  for (std::size_t i = 0; i < text.size();) {
    if (text[i] == ' ') {
      ++i;
      continue;
    }
    const NumberRun run = i < no_number_before ? NumberRun{} : number_run(text, i);
    if (!run.is_number) no_number_before = std::max(no_number_before, run.end);
    if (run.is_number) {
      tokens.emplace_back(text.substr(i, run.end - i));
      i = run.end;
    } else if (const std::size_t word = word_end(text, i); word > i) {
      expand(text.substr(i, word - i), tokens, taken);
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

std::vector<std::string> tokenize(std::string_view raw, TokenRules rules) {
  switch (rules) {
    case TokenRules::published_older: return published_tokens(raw, PublishedVersion::older);
    case TokenRules::published_newer: return published_tokens(raw, PublishedVersion::newer);
    case TokenRules::own: break;
  }
  return tokenize(raw);
}

std::string_view name_of(TokenRules rules) { return token_rule_names[static_cast<std::size_t>(rules)]; }

TokenRules token_rules_named(std::string_view name) {
  const auto* const place = std::find(token_rule_names.begin(), token_rule_names.end(), name);
  ETHREED_CHECK(place != token_rule_names.end(), "'{}' are no tokens; there are {}", excerpt(name),
                fmt::join(token_rule_names, ", "));
  return static_cast<TokenRules>(place - token_rule_names.begin());
}

std::string version_of(TokenRules rules) {
  constexpr std::string_view published_version = "1";
  return rules == TokenRules::own ? std::string(tokenizer_version)
                                  : fmt::format("{} {}", name_of(rules), published_version);
}

bool is_blank(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const Character c = decode_utf8(text, i);
    if (!is_space(c.code) && c.code != soft_hyphen && !is_variation_selector(c.code)) return false;
    i += c.bytes;
  }
  return true;
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

std::string detokenize(std::span<const std::string_view> tokens, TokenRules rules) {
  return rules == TokenRules::own ? detokenize(tokens) : published_text(tokens);
}

}  // namespace ethreed
