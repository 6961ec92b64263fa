#include "core/printable.h"

#include <array>
#include <cstddef>

namespace ethreed {

namespace {

constexpr char32_t broken = 0xFFFD;

// The character that starts at text[i], and its bytes: 1 for a byte that is no UTF-8.
char32_t character_at(std::string_view text, std::size_t i, std::size_t& bytes) {
  const auto byte = [&](std::size_t k) { return static_cast<unsigned char>(text[k]); };
  bytes = 1;
  const unsigned char first = byte(i);
  if (first < 0x80) return first;
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || i + length > text.size()) return broken;
  char32_t code = first & (0x7FU >> length);
  for (std::size_t k = 1; k < length; ++k) {
    if ((byte(i + k) & 0xC0) != 0x80) return broken;
    code = code << 6 | (byte(i + k) & 0x3FU);
  }
  constexpr std::array<char32_t, 5> smallest{0, 0, 0x80, 0x800, 0x10000};
  if (code < smallest[length] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return broken;
  bytes = length;
  return code;
}

bool controls(char32_t c) {
  return c < 0x20 || (c >= 0x7F && c <= 0x9F) || c == 0x061C || c == 0x200E || c == 0x200F ||
         (c >= 0x2028 && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
}

}  // namespace

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  std::size_t bytes = 1;
  for (std::size_t i = 0; i < text.size(); i += bytes) {
    const char32_t c = character_at(text, i, bytes);
    if (controls(c))
      out += ' ';
    else if (c == broken)
      out += "\xEF\xBF\xBD";
    else
      out += text.substr(i, bytes);
  }
  return out;
}

}  // namespace ethreed
