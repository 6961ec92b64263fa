#pragma once
// What the Unicode Character Database says of a character, by utf8proc.

#include <string>
#include <string_view>

namespace ethreed {

enum class CharacterKind {
  space,   ///< separators, control characters and invisible marks of format
  letter,  ///< letters, and the marks that belong to them (accents, vowel signs, joiners inside a word)
  digit,   ///< numbers of every script
  mark     ///< punctuation, symbols, pictographs
};
CharacterKind kind_of_character(char32_t code);

/// Of a character that nobody sees, such as zero-width spaces, joiners, soft hyphens and byte order marks.
bool is_invisible(char32_t code);

/// Of an ideograph of Chinese, Japanese or Korean, which is a word or a syllable of its own.
bool is_ideograph(char32_t code);

/// The lower-case letter of one with such a partner of its own, else `code`.
char32_t lower_case(char32_t code);
/// The same of UTF-8; bytes that are none stay.
std::string lower_case(std::string_view text);

/// Letters and their accents as one character where Unicode has one (normalisation form C), so that é is é however it
/// was written. `text` must be UTF-8. A letter with more than 30 marks stays as it is, with its marks. Linear in the
/// text's length.
std::string compose(std::string_view text);

}  // namespace ethreed
