#pragma once
// From text to tokens and back, by fixed rules: the same text gives the same tokens everywhere, with no model and no
// locale.

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ethreed {

/// By which rules texts become tokens: those of this project, or those of the published releases, in their older or
/// newer version (see published_tokens.h). A data set has its rules, and so has a run by its data.
enum class TokenRules { own, published_older, published_newer };
/// Names by the number of the rules, as users, data sets and checkpoints have them.
inline constexpr std::array<std::string_view, 3> token_rule_names{"own", "published-older", "published-newer"};
std::string_view name_of(TokenRules rules);
/// Throws Error (one line with the names that there are) for another name.
TokenRules token_rules_named(std::string_view name);

/// The own rules, in order:
///  1. `_comma_` is a comma. Letters are lower-cased and composed with their accents (Unicode's form C), in every
///  script.
///     ’ ‘ become ', “ ” become ", … becomes ..., white space, control characters and invisible marks of any kind
///     become a space (but zero-width joiners stay between letters beyond ASCII, and soft hyphens and variation
///     selectors vanish); a byte that is no UTF-8 becomes U+FFFD.
///  2. Spaces separate. A word is a run of letters of any script, digits and apostrophes that stand inside it
///  (o'clock).
///     A number keeps the . , : between its digits (3.5, 10,000, 5:30). Two dots or more are one token "...". Every
///     other character is a token of its own: punctuation and symbols of every script, hyphens and emoji
///     (well-known is three tokens), and each ideograph of Chinese and Japanese. Scripts that have no spaces between
///     words and no ideographs (kana, Thai) are not cut into words.
///  3. A word with an apostrophe is expanded, from its end: can't → can not, won't → will not, shan't → shall not,
///     ain't → is not,
///     let's → let us, y'all → you all; n't → not, 'll → will, 're → are, 've → have, 'd → would, 'm → am; 's → is
///     after a pronoun, a question word, here and there, else the token "'s" (a noun's possessive and its "is" look
///     alike).
/// Tokens are never empty and hold neither white space nor upper-case letters that have a lower case; none is "<pad>"
/// or another special word. Time is linear in the text's length.
std::vector<std::string> tokenize(std::string_view raw);
/// By the rules that are named.
std::vector<std::string> tokenize(std::string_view raw, TokenRules rules);

/// Whether a text has no token: nothing but white space, control characters and invisible marks.
bool is_blank(std::string_view text);

/// Readable text: tokens joined by spaces, but none before , . ! ? ; : ) ] % ... 's, none after ( [ $ £ #, none around
/// -, and quotation marks " hug what they enclose. Not an inverse of tokenize: case and contractions are gone.
std::string detokenize(std::span<const std::string_view> tokens);
/// The same of tokens of these rules.
std::string detokenize(std::span<const std::string_view> tokens, TokenRules rules);

/// Changes whenever the own rules do for text in ASCII; part of a data set's fingerprint. (Characters beyond ASCII came
/// later, and data sets with such text have other tokens, so other fingerprints.)
inline constexpr std::string_view tokenizer_version = "1";
/// The same of any rules: tokenizer_version for the own ones, for others their name and their version.
std::string version_of(TokenRules rules);

}  // namespace ethreed
