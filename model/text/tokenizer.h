#pragma once
// From text to tokens and back, by fixed rules: the same text gives the same tokens everywhere, with no model and no
// locale.

#include "model/text/utf8.h"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ethreed {

/// The rules, in order:
///  1. `_comma_` is a comma. ASCII is lower-cased; other letters stay. ’ ‘ become ', “ ” become ", … becomes ...,
///     white space, control characters and invisible marks of any kind become a space; a byte that is no UTF-8 becomes
///     U+FFFD.
///  2. Spaces separate. A word is a run of letters, digits and apostrophes that stand inside it (o'clock). A number
///     keeps the . , : between its digits (3.5, 10,000, 5:30). Two dots or more are one token "...". Every other
///     character is a token of its own, hyphens and emoji too (well-known is three tokens).
///  3. A word with an apostrophe is expanded, from its end: can't → can not, won't → will not, shan't → shall not,
///  ain't → is not,
///     let's → let us, y'all → you all; n't → not, 'll → will, 're → are, 've → have, 'd → would, 'm → am; 's → is
///     after a pronoun, a question word, here and there, else the token "'s" (a noun's possessive and its "is" look
///     alike).
/// Tokens are never empty and hold neither white space nor upper-case ASCII; none is "<pad>" or another special word.
std::vector<std::string> tokenize(std::string_view raw);

/// Readable text: tokens joined by spaces, but none before , . ! ? ; : ) ] % ... 's, none after ( [ $ £ #, none around
/// -, and quotation marks " hug what they enclose. Not an inverse of tokenize: case and contractions are gone.
std::string detokenize(std::span<const std::string_view> tokens);

/// Changes whenever the rules do; part of a data set's fingerprint.
inline constexpr std::string_view tokenizer_version = "1";

}  // namespace ethreed
