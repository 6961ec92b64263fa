#pragma once
// What the tokenizers of pretrained models know of Unicode. Their vocabularies were made with tables of certain
// versions of Unicode, and the programs that everybody uses them with still have those: a character that is younger is
// to them no punctuation, no accent and no letter. Here utf8proc says what a character is, and tables say where theirs
// differ.

#include <string>
#include <string_view>

namespace ethreed {

/// Unicode's property White_Space: what separates words, and \s of the pattern of byte pairs.
bool is_white_space(char32_t code);

/// What WordPiece drops before anything else: NUL, U+FFFD and the categories Cc, Cf and Co of Unicode 8, but for tab,
/// line feed and carriage return. Unassigned characters stay.
bool is_dropped(char32_t code);
/// What is a word of its own to WordPiece: ASCII's marks and the categories P* of Unicode 8.
bool is_punctuation(char32_t code);
/// The ideographs that WordPiece puts spaces around; neither kana nor hangul. U+2B820 to U+2B91F, the first 256 of
/// extension E, are not among them: so it is in the library with which the results are compared.
bool is_spaced_ideograph(char32_t code);
/// Of category Mn of Unicode 8: what is taken off letters with their accents.
bool is_accent(char32_t code);

/// \p{L} and \p{N} of the pattern of byte pairs, of Unicode 16.
bool is_letter(char32_t code);
bool is_number(char32_t code);
/// \w: what a token that must stand alone may not touch.
bool is_word_character(char32_t code);

/// The characters of UTF-8 text; bytes that are none are U+FFFD each.
std::u32string characters_of(std::string_view text);
std::string utf8_of(std::u32string_view characters);

/// Normalisation form D without accents. Linear but for the sorting of marks that follow each other.
std::u32string without_accents(std::u32string_view text);
/// Lower case, character by character; İ becomes i and a dot above.
std::u32string lower_cased(std::u32string_view text);

}  // namespace ethreed
