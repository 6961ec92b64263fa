#include "model/text/unicode.h"

#include "model/text/utf8.h"

#include <utf8proc.h>

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

std::string compose(std::string_view text) {
  // Marks on one letter are sorted, in quadratic time; no language has more of them than a few (UAX #15, 30).
  constexpr int most_marks = 30;
  int marks = 0;
  bool any = false;
  for (std::size_t i = 0; i < text.size();) {
    const Character c = decode_utf8(text, i);
    i += c.bytes;
    const bool is_mark =
        c.code >= 0x300 && utf8proc_get_property(static_cast<utf8proc_int32_t>(c.code))->combining_class != 0;
    any |= is_mark || (c.code >= 0x1100 && c.code < 0x1200);  // the letters of Korean syllables
    marks = is_mark ? marks + 1 : 0;
    if (marks > most_marks) return std::string(text);
  }
  if (!any) return std::string(text);
  utf8proc_uint8_t* composed = nullptr;
  const utf8proc_ssize_t size =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()), static_cast<utf8proc_ssize_t>(text.size()),
                   &composed, static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  if (size < 0) return std::string(text);
  std::string out(reinterpret_cast<const char*>(composed), static_cast<std::size_t>(size));
  std::free(composed);
  return out;
}

}  // namespace ethreed
