#pragma once
// A text that is to be answered, as a model reads it.

#include "model/text/word_table.h"

#include <cstdint>
#include <string_view>
#include <vector>

namespace ethreed {

struct EncodedPost {
  std::vector<std::int32_t> words;  ///< ids, EOS last
  int tokens = 0;                   ///< of the whole text, without EOS
  int cut = 0;                      ///< tokens of its beginning that are left out
  int known = 0;                    ///< tokens of those left that the vocabulary has

  int read() const { return tokens - cut; }
  bool empty() const { return tokens == 0; }
  /// Tokens were read, and the model knows none of them: it reads their number and nothing else.
  bool nothing_known() const { return read() > 0 && known == 0; }
  /// Share of the tokens read that the vocabulary lacks; 0 where there are none.
  double unknown_share() const { return read() == 0 ? 0.0 : 1.0 - static_cast<double>(known) / read(); }
};

/// Tokens of `text` by the rules of `words` as its ids. Its first `vocabulary` are what the model knows; new words are
/// added. Of a text of max_length tokens or more its end is kept: there a post says what it is about. Throws Error if
/// max_length < 2.
EncodedPost encode_post(std::string_view text, WordTable& words, std::int32_t vocabulary, int max_length);

/// The same for a table that stays as it is: a token that it lacks becomes <unk>.
EncodedPost encode_known_post(std::string_view text, const WordTable& words, int max_length);

}  // namespace ethreed
