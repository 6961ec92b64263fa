#include "model/text/published_tokens.h"

#include "model/text/unicode.h"
#include "model/text/utf8.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <utility>

namespace ethreed {

namespace {

using View = std::string_view;

bool is_among(View marks, char c) { return marks.find(c) != View::npos; }

// White space of Unicode and control characters.
bool is_space(char32_t c) {
  return c <= ' ' || (c >= 0x7F && c <= 0xA0) || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 ||
         c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

bool is_word_character(char32_t c) {
  if (c < 0x80) return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  const CharacterKind kind = kind_of_character(c);
  return kind == CharacterKind::letter || kind == CharacterKind::digit;
}

// Whether a word goes on at text[i].
bool is_word_at(View text, std::size_t i) { return i < text.size() && is_word_character(decode_utf8(text, i).code); }

void put_apart(std::string& out, View part) {
  out += ' ';
  out += part;
  out += ' ';
}

std::string replaced(View text, View from, View to) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0;;) {
    const std::size_t next = text.find(from, i);
    out += text.substr(i, next - i);
    if (next == View::npos) return out;
    out += to;
    i = next + from.size();
  }
}

// Rules 1 and 2.
constexpr std::array<std::pair<View, View>, 23> contractions{
    {{"it's", "it is"},       {"don't", "do not"},     {"doesn't", "does not"},  {"didn't", "did not"},
     {"you'd", "you would"},  {"you're", "you are"},   {"you'll", "you will"},   {"i'm", "i am"},
     {"they're", "they are"}, {"that's", "that is"},   {"what's", "what is"},    {"couldn't", "could not"},
     {"i've", "i have"},      {"we've", "we have"},    {"can't", "cannot"},      {"i'd", "i would"},
     {"aren't", "are not"},   {"isn't", "is not"},     {"wasn't", "was not"},    {"weren't", "were not"},
     {"won't", "will not"},   {"there's", "there is"}, {"there're", "there are"}}};

std::string cleaned(View raw) {
  std::string text = lower_case(replace_broken(replaced(replaced(raw, "_comma_", ","), "\"", "")));
  if (text.find('\'') == std::string::npos) return text;
  for (const auto& [from, to] : contractions) text = replaced(text, from, to);
  return text;
}

View without_space_before(View text) {
  while (!text.empty() && is_space(decode_utf8(text, 0).code)) text.remove_prefix(decode_utf8(text, 0).bytes);
  return text;
}

View without_space_around(View text) {
  text = without_space_before(text);
  std::size_t end = 0;
  for (std::size_t i = 0; i < text.size();) {
    const Character c = decode_utf8(text, i);
    i += c.bytes;
    if (!is_space(c.code)) end = i;
  }
  return text.substr(0, end);
}

// Whether a period behind this, which a letter follows, ends no sentence.
bool is_abbreviation(View word) {
  constexpr std::array<View, 12> known{"a.m", "dr", "ft", "jr", "mr", "mrs", "ms", "ok", "p.m", "st", "u.s", "vs"};
  if (word.size() == 1 && word[0] >= 'a' && word[0] <= 'z') return true;
  if (std::find(known.begin(), known.end(), word) != known.end()) return true;
  if (word.starts_with('-')) word.remove_prefix(1);
  if (word.starts_with('.') || word.starts_with(',')) word.remove_prefix(1);
  return !word.empty() && word[0] >= '0' && word[0] <= '9' && word.find_first_not_of("0123456789,.-") == View::npos;
}

// Rule 3. No sentence begins or ends with white space.
std::vector<View> sentences_of(View text) {
  std::vector<View> sentences;
  bool ended = false;  // only closing marks since a . ? or !
  std::size_t begin = 0, word = 0;
  const auto ends_at = [&](std::size_t space) {
    if (text[space - 1] != '.' || !is_abbreviation(text.substr(word, space - 1 - word))) return true;
    const View rest = without_space_before(text.substr(space));
    return rest.empty() || rest[0] < 'a' || rest[0] > 'z';
  };
  for (std::size_t i = 0; i < text.size();) {
    const Character c = decode_utf8(text, i);
    const bool is_end = c.code == '.' || c.code == '?' || c.code == '!';
    const bool closes = c.code == '\'' || c.code == ')' || c.code == ']' || c.code == '}' || c.code == U'»' ||
                        c.code == U'”' || c.code == U'’';
    if (ended && is_space(c.code) && ends_at(i)) {
      sentences.push_back(without_space_around(text.substr(begin, i - begin)));
      begin = i + c.bytes;
    }
    ended = is_end || (ended && closes);
    i += c.bytes;
    if (is_space(c.code) || c.code == '(') word = i;
  }
  sentences.push_back(without_space_around(text.substr(begin)));
  return sentences;
}

// Rule 4, but for the apostrophes.
std::string with_opening_quotes(View text) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t bytes = text.substr(i, 2) == "``" ? 2 : decode_utf8(text, i).bytes;
    const View mark = text.substr(i, bytes);
    if (mark == "`" || mark == "``" || mark == "«" || mark == "“" || mark == "‘" || mark == "„")
      put_apart(out, mark);
    else
      out += mark;
    i += bytes;
  }
  return out;
}

std::string with_opening_apostrophes(View text, PublishedVersion version) {
  const View clitics = version == PublishedVersion::older ? "mtsd" : "mtsdn";
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (i > 0 && is_among(" ([{<", text[i - 1]) && text.substr(i, 2) == "''") {
      out += " `` ";
      ++i;
      continue;
    }
    out += text[i];
    if (text[i] != '\'' || !is_word_at(text, i + 1) || is_among(clitics, text[i + 1])) continue;
    if (!is_word_at(text, i + 1 + decode_utf8(text, i + 1).bytes)) out += ' ';
  }
  return out;
}

// Rule 5: the last period.
std::string with_last_period(View text) {
  constexpr std::array<View, 10> closing{" ", "'", "\"", ")", "]", "}", ">", "»", "”", "’"};
  View front = text;
  const auto closes = [&](View mark) { return front.ends_with(mark); };
  for (;;) {
    const auto* const mark = std::find_if(closing.begin(), closing.end(), closes);
    if (mark == closing.end()) break;
    front.remove_suffix(mark->size());
  }
  std::string out(text);
  if (front.size() >= 2 && front.ends_with('.') && front[front.size() - 2] != '.')
    out.replace(front.size() - 1, 1, " . ");
  return out;
}

// Rule 5: commas and colons.
std::string with_commas(View text) {
  constexpr View marks = ",:";
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool last = i + 1 == text.size();
    if (!is_among(marks, text[i]) || (!last && is_among("0123456789", text[i + 1]))) {
      out += text[i];
      continue;
    }
    put_apart(out, text.substr(i, 1));
    if (i + 2 < text.size() && is_among(marks, text[i + 1])) out += text[++i];
  }
  return out;
}

// Rule 5: runs of periods.
std::string with_periods(View text, PublishedVersion version) {
  const bool older = version == PublishedVersion::older;
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    std::size_t run = 0;
    while (i + run < text.size() && text[i + run] == '.' && !(older && run == 3)) ++run;
    if (run >= (older ? 3U : 2U))
      put_apart(out, text.substr(i, run));
    else
      out += text.substr(i, std::max<std::size_t>(run, 1));
    i += std::max<std::size_t>(run, 1);
  }
  return out;
}

std::string with_apart(View text, View marks) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i)
    if (is_among(marks, text[i]))
      put_apart(out, text.substr(i, 1));
    else
      out += text[i];
  return out;
}

// Rule 6: quotes.
std::string with_closing_quotes(View text, PublishedVersion version) {
  const bool anywhere = version == PublishedVersion::newer;
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t bytes = decode_utf8(text, i).bytes;
    const View mark = text.substr(i, bytes);
    if (mark == "»" || mark == "”" || mark == "’") {
      put_apart(out, mark);
      i += bytes;
    } else if (anywhere && text.substr(i, 2) == "''") {
      put_apart(out, "''");
      i += 2;
    } else {
      out += mark;
      i += bytes;
      if (anywhere || is_space(decode_utf8(mark, 0).code) || text.substr(i, 2) != "''") continue;
      put_apart(out, "''");
      i += 2;
    }
  }
  return out;
}

// Rule 6: a blank before each of these endings that a blank follows and neither a blank nor an apostrophe precedes.
std::string with_endings(View text, std::initializer_list<View> endings) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool ends =
        i > 0 && !is_among("' ", text[i - 1]) && std::any_of(endings.begin(), endings.end(), [&](View ending) {
          return text.substr(i).starts_with(ending) && text.substr(i + ending.size()).starts_with(' ');
        });
    if (ends) out += ' ';
    out += text[i];
  }
  return out;
}

// Rule 7. What may stand before and behind such a word: no letter or digit, or a blank.
enum class Edges { word, blank_behind, blank_before };
struct Halves {
  View whole;
  std::size_t first;  // length of the first half
  Edges edges;
};
constexpr std::size_t halves_behind_blanks = 2;  // the last ones: they see the blanks that the others leave
constexpr std::array<Halves, 10> halves{{{"cannot", 3, Edges::word},
                                         {"d'ye", 1, Edges::word},
                                         {"gimme", 3, Edges::word},
                                         {"gonna", 3, Edges::word},
                                         {"gotta", 3, Edges::word},
                                         {"lemme", 3, Edges::word},
                                         {"more'n", 4, Edges::word},
                                         {"wanna", 3, Edges::blank_behind},
                                         {"'tis", 2, Edges::blank_before},
                                         {"'twas", 2, Edges::blank_before}}};

std::string with_halves(View text, std::span<const Halves> words) {
  std::string out;
  bool after_word = false;
  for (std::size_t i = 0; i < text.size();) {
    const auto is_here = [&](const Halves& word) {
      if (!text.substr(i).starts_with(word.whole)) return false;
      const std::size_t end = i + word.whole.size();
      const bool before = word.edges == Edges::blank_before ? i > 0 && text[i - 1] == ' ' : !after_word;
      return before && (word.edges == Edges::blank_behind ? end < text.size() && is_space(decode_utf8(text, end).code)
                                                          : !is_word_at(text, end));
    };
    const auto word = std::find_if(words.begin(), words.end(), is_here);
    if (word != words.end()) {
      put_apart(out, word->whole.substr(0, word->first));
      out += word->whole.substr(word->first);
      out += ' ';
      i += word->whole.size();
      after_word = true;
      continue;
    }
    const Character c = decode_utf8(text, i);
    after_word = is_word_character(c.code);
    out += text.substr(i, c.bytes);
    i += c.bytes;
  }
  return out;
}

// Rule 8.
void append_words(View text, std::vector<std::string>& tokens) {
  bool inside = false;
  for (std::size_t i = 0; i < text.size();) {
    const Character c = decode_utf8(text, i);
    const bool space = is_space(c.code);
    if (!space && !inside) tokens.emplace_back();
    if (!space) tokens.back() += text.substr(i, c.bytes);
    inside = !space;
    i += c.bytes;
  }
}

}  // namespace

std::vector<std::string> published_tokens(std::string_view raw, PublishedVersion version) {
  const std::string text = cleaned(raw);
  std::vector<std::string> tokens;
  for (const View sentence : sentences_of(text)) {
    std::string words = with_opening_apostrophes(with_opening_quotes(sentence), version);
    words = with_apart(with_periods(with_commas(with_last_period(words)), version), ";@#$%&?!");
    words = with_apart(with_endings(words, {"'"}), version == PublishedVersion::older ? "()[]{}<>" : "()[]{}<>*");
    words = with_closing_quotes(" " + replaced(words, "--", " -- ") + " ", version);
    words = with_endings(with_endings(words, {"'s", "'m", "'d", "'"}), {"'ll", "'re", "'ve", "n't"});
    const std::span<const Halves> all = halves;
    words =
        with_halves(with_halves(words, all.first(all.size() - halves_behind_blanks)), all.last(halves_behind_blanks));
    append_words(words, tokens);
  }
  return tokens;
}

namespace {

bool hugs_left(View token) {
  constexpr std::array<View, 24> marks{",",  ".", "!", "?", ";", ":",  "%",  ")",  "]",   "}",   ">",   "...",
                                       "''", "”", "»", "’", "'", "'s", "'m", "'d", "'ll", "'re", "'ve", "n't"};
  return std::find(marks.begin(), marks.end(), token) != marks.end();
}

bool hugs_right(View token) {
  constexpr std::array<View, 12> marks{"(", "[", "{", "<", "$", "#", "``", "“", "«", "‘", "„", "'t"};
  return std::find(marks.begin(), marks.end(), token) != marks.end();
}

bool are_halves(View first, View second) {
  return first != "can" && std::any_of(halves.begin(), halves.end(), [&](const Halves& word) {
           return word.whole.substr(0, word.first) == first && word.whole.substr(word.first) == second;
         });
}

}  // namespace

std::string published_text(std::span<const std::string_view> tokens) {
  std::string out;
  View before;
  for (const View token : tokens) {
    const bool glued = before.empty() || hugs_right(before) || hugs_left(token) || are_halves(before, token);
    if (!glued) out += ' ';
    out += token;
    before = token;
  }
  return out;
}

}  // namespace ethreed
