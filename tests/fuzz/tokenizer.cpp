// The tokenizer by each of its rules, on any bytes.

#include "model/text/tokenizer.h"

#include "model/text/utf8.h"
#include "model/text/word_table.h"
#include "tests/fuzz/target.h"

#include <algorithm>

using namespace ethreed;

namespace {

void check_rules(std::string_view input, TokenRules rules) {
  const std::vector<std::string> tokens = tokenize(input, rules);
  for (const std::string& token : tokens) {
    fuzz::require(!token.empty(), "no token is empty");
    fuzz::require(is_utf8(token), "a token is UTF-8");
    fuzz::require(std::none_of(token.begin(), token.end(),
                               [](unsigned char c) { return c <= ' ' || c == 0x7F || (c >= 'A' && c <= 'Z'); }),
                  "a token has no white space, no control character and no upper-case ASCII");
    fuzz::require(!token.starts_with("<") || token == "<", "no token is a special word");
  }
  const std::vector<std::string_view> views(tokens.begin(), tokens.end());
  const std::string text = detokenize(views, rules);
  fuzz::require(is_utf8(text), "readable text is UTF-8");
  WordTable words(rules);
  for (const std::string& token : tokens) words.id(token);
  const std::vector<std::int32_t> ids = encode_utterance(input, words, 10'000'000);
  fuzz::require(ids.size() == tokens.size() + 1, "an utterance is its tokens and the end");
}

}  // namespace

ETHREED_FUZZ_TARGET(tokenizer) {
  for (const std::string_view name : token_rule_names) check_rules(input, token_rules_named(name));
}
