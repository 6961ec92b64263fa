#pragma once
// UTF-8, character by character, and the encodings that are met in its place.

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

namespace ethreed {

struct Character {
  char32_t code = 0;
  std::size_t bytes = 1;
};

/// Stands for a byte that is no UTF-8.
inline constexpr char32_t replacement_character = 0xFFFD;

/// The character at text[i], i < text.size(). Bytes that are no UTF-8 (also overlong forms and surrogates) count one by
/// one as U+FFFD; the character U+FFFD itself has three bytes.
inline Character decode_utf8(std::string_view text, std::size_t i) {
  const auto byte = [&](std::size_t k) { return static_cast<unsigned char>(text[k]); };
  const unsigned char first = byte(i);
  if (first < 0x80) return {first, 1};
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || i + length > text.size()) return {replacement_character, 1};
  char32_t code = first & (0x7FU >> length);
  for (std::size_t k = 1; k < length; ++k) {
    if ((byte(i + k) & 0xC0) != 0x80) return {replacement_character, 1};
    code = code << 6 | (byte(i + k) & 0x3FU);
  }
  constexpr std::array<char32_t, 5> smallest{0, 0, 0x80, 0x800, 0x10000};
  if (code < smallest[length] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF))
    return {replacement_character, 1};
  return {code, length};
}

/// Whether a decoded character is a byte that is no UTF-8.
inline bool is_broken(const Character& c) { return c.code == replacement_character && c.bytes == 1; }

/// Appends a code point, which must be no surrogate and at most U+10FFFF.
void append_utf8(std::string& out, char32_t code);

/// Whether all of `text` is UTF-8 (no overlong forms, no surrogates).
bool is_utf8(std::string_view text);

/// The characters beyond ASCII of a text: those that are UTF-8, and bytes that are none.
struct Utf8Count {
  std::size_t characters = 0;
  std::size_t broken_bytes = 0;
};
Utf8Count count_utf8(std::string_view text);

/// UTF-8 of text in Windows-1252 (Latin-1 with printable characters at 0x80 to 0x9F); its five bytes without a
/// character become U+FFFD.
std::string from_windows_1252(std::string_view text);

/// UTF-8 of text with bytes that are none: each becomes U+FFFD.
std::string replace_broken(std::string_view text);

}  // namespace ethreed
