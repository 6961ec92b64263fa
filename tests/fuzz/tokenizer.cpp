// The tokenizer, on any bytes.

#include "model/text/tokenizer.h"

#include "model/text/utf8.h"
#include "model/text/word_table.h"
#include "tests/fuzz/target.h"

#include <algorithm>

using namespace ethreed;

ETHREED_FUZZ_TARGET(tokenizer) {
  const std::vector<std::string> tokens = tokenize(input);
  for (const std::string& token : tokens) {
    fuzz::require(!token.empty(), "no token is empty");
    fuzz::require(is_utf8(token), "a token is UTF-8");
    fuzz::require(std::none_of(token.begin(), token.end(),
                               [](unsigned char c) { return c <= ' ' || c == 0x7F || (c >= 'A' && c <= 'Z'); }),
                  "a token has no white space, no control character and no upper-case ASCII");
    fuzz::require(!token.starts_with("<") || token == "<", "no token is a special word");
  }
  const std::vector<std::string_view> views(tokens.begin(), tokens.end());
  const std::string text = detokenize(views);
  fuzz::require(is_utf8(text), "readable text is UTF-8");
  WordTable words;
  for (const std::string& token : tokens) words.id(token);
  const std::vector<std::int32_t> ids = encode_utterance(input, words, 1'000'000);
  fuzz::require(ids.size() == tokens.size() + 1, "an utterance is its tokens and the end");
}
