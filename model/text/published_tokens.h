#pragma once
// The tokens that the releases of MoEL, MIME, EmpDG and KEMP train on: their own clean-up of a text, a split into
// sentences, and the word rules of the Penn Treebank in the two versions that the releases met.

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ethreed {

/// `older`: as in the published outputs of MoEL and MIME (NLTK up to 3.4); `newer`: as in those of KEMP and in later
/// reruns (NLTK 3.6).
enum class PublishedVersion { older, newer };

/// The rules, in order:
///  1. `_comma_` is a comma, every " is removed, and letters are lower-cased.
///  2. These are replaced wherever they stand, also inside a word, one after another: it's, don't, doesn't, didn't,
///     you'd (you would), you're, you'll, i'm, they're, that's, what's, couldn't, i've, we've, can't (cannot), i'd (i
///     would), aren't, isn't, wasn't, weren't, won't (will not), there's, there're.
///  3. A sentence ends at white space behind . ? or !, between which closing quotes and brackets may stand. A period
///     behind a number, a single letter or one of a.m dr ft jr mr mrs ms ok p.m st u.s vs ends none if a letter
///     follows.
///  4. Each of « “ ‘ „ and each run of backticks stands alone. Two apostrophes behind a blank or an opening bracket
///     become ``. An apostrophe before a single letter or digit stands alone, but not before m t s d (newer: n).
///  5. The last period of a sentence stands alone if no period is before it; closing quotes and brackets may be behind
///     it. So do a comma and a colon, unless a digit is behind them; one that is behind another one of these and not
///     the sentence's last character stays with what follows. So do ... (newer: every run of two periods or more),
///     each of ; @ # $ % & ? ! (newer: *), each bracket ( ) [ ] { } < > and every --.
///  6. Each of » ” ’ stands alone, and so do two apostrophes (older: but at the start of a word). Before a blank, first
///     's 'm 'd and ' are split off, then 'll 're 've and n't.
///  7. can|not, d|'ye, gim|me, gon|na, got|ta, lem|me, more|'n, wan|na (before a blank), 't|is, 't|was.
///  8. White space and control characters separate.
/// A byte that is no UTF-8 becomes U+FFFD. Tokens are never empty and hold no white space; none is "<pad>" or another
/// special word. Time is linear in the text's length.
std::vector<std::string> published_tokens(std::string_view raw, PublishedVersion version);

/// Readable text of such tokens: joined by spaces, but for what the rules split off: punctuation, clitics (would n't),
/// the halves of gonna and its like, and quotes and brackets, which hug what they enclose.
std::string published_text(std::span<const std::string_view> tokens);

}  // namespace ethreed
