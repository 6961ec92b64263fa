#include "model/text/unicode.h"

#include "model/text/utf8.h"

#include <utf8proc.h>

#include <array>
#include <cstdlib>

namespace ethreed {

CharacterKind kind_of_character(char32_t code) {
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(code))) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME: return CharacterKind::letter;
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO: return CharacterKind::digit;
    case UTF8PROC_CATEGORY_ZS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF: return CharacterKind::space;
    default: return CharacterKind::mark;
  }
}

bool is_invisible(char32_t code) {
  return code >= 0x80 && utf8proc_get_property(static_cast<utf8proc_int32_t>(code))->ignorable != 0;
}

bool is_ideograph(char32_t c) {
  return (c >= 0x3400 && c <= 0x4DBF) || (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0xF900 && c <= 0xFAFF) ||
         (c >= 0x20000 && c <= 0x323AF) || c == 0x3007;
}

char32_t lower_case(char32_t code) {
  if (code < 0x80) return code >= 'A' && code <= 'Z' ? code - 'A' + 'a' : code;
  return static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(code)));
}

std::string lower_case(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    const Character c = decode_utf8(text, i);
    if (is_broken(c))
      out += text[i];
    else
      append_utf8(out, lower_case(c.code));
    i += c.bytes;
  }
  return out;
}

namespace {

// Marks on one letter are sorted, in quadratic time; no language has more of them than a few (UAX #15, 30).
constexpr int most_marks = 30;

// What one character adds to the marks on a letter, once it is taken apart: U+0344 is two of them, U+0F73 too, whose
// own class is 0.
struct Parts {
  bool marks_first = false;  // it goes on with the letter before
  bool letter = false;       // a letter begins in it, after which `marks` are counted
  int marks = 0;
};

Parts parts_of(char32_t code) {
  constexpr std::size_t most_parts = 32;  // the longest has 4
  if (code < 0xC0) return {.letter = true};
  std::array<utf8proc_int32_t, most_parts> codes{};
  int boundary = 0;
  const utf8proc_ssize_t count = utf8proc_decompose_char(static_cast<utf8proc_int32_t>(code), codes.data(), most_parts,
                                                         UTF8PROC_DECOMPOSE, &boundary);
  if (count <= 0) return {.letter = true};
  Parts parts;
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
    const bool mark = utf8proc_get_property(codes[i])->combining_class != 0;
    parts.marks_first |= mark && i == 0;
    parts.letter |= !mark;
    parts.marks = mark ? parts.marks + 1 : 0;
  }
  return parts;
}

// Form C of a text without too many marks on a letter, added to `out`.
void add_composed(std::string& out, std::string_view text) {
  utf8proc_uint8_t* composed = nullptr;
  const utf8proc_ssize_t size =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()), static_cast<utf8proc_ssize_t>(text.size()),
                   &composed, static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  if (size < 0) {
    out += text;
    return;
  }
  out.append(reinterpret_cast<const char*>(composed), static_cast<std::size_t>(size));
  std::free(composed);
}

}  // namespace

std::string compose(std::string_view text) {
  std::string out;
  std::size_t done = 0, letter = 0;  // bytes that are in `out`; where the letter in hand begins
  int marks = 0;                     // on that letter
  bool any = false;
  // What stands before a letter with too many marks is composed; the letter and its marks stay.
  const auto pass_over = [&](std::size_t end) {
    if (marks <= most_marks) return;
    add_composed(out, text.substr(done, letter - done));
    out += text.substr(letter, end - letter);
    done = end;
  };
  for (std::size_t i = 0; i < text.size();) {
    const Character c = decode_utf8(text, i);
    const Parts parts = parts_of(c.code);
    any |= parts.marks_first || (c.code >= 0x1100 && c.code < 0x1200);  // the letters of Korean syllables
    if (!parts.marks_first) {
      pass_over(i);
      letter = i;
    }
    marks = parts.letter ? parts.marks : marks + parts.marks;
    i += c.bytes;
  }
  pass_over(text.size());
  if (!any) return std::string(text);
  add_composed(out, text.substr(done));
  return out;
}

}  // namespace ethreed
