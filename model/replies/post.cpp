#include "model/replies/post.h"

#include "core/error.h"
#include "model/text/tokenizer.h"
#include "model/text/vocabulary.h"

#include <algorithm>
#include <string>

namespace ethreed {

namespace {

template <class IdOf>
EncodedPost encode(const std::vector<std::string>& tokens, std::int32_t vocabulary, int max_length, IdOf id_of) {
  ETHREED_CHECK(max_length >= 2, "a post: at most {} tokens would be read, wanted at least 2 (a word and the end mark)",
                max_length);
  EncodedPost post{.tokens = static_cast<int>(tokens.size())};
  post.cut = std::max(0, post.tokens - (max_length - 1));
  for (auto i = static_cast<std::size_t>(post.cut); i < tokens.size(); ++i) {
    post.words.push_back(id_of(tokens[i]));
    post.known += post.words.back() < vocabulary && post.words.back() != unk_id;
  }
  post.words.push_back(eos_id);
  return post;
}

}  // namespace

EncodedPost encode_post(std::string_view text, WordTable& words, std::int32_t vocabulary, int max_length) {
  return encode(tokenize(text, words.rules()), vocabulary, max_length,
                [&](const std::string& token) { return words.id(token); });
}

EncodedPost encode_known_post(std::string_view text, const WordTable& words, int max_length) {
  return encode(tokenize(text, words.rules()), words.size(), max_length,
                [&](const std::string& token) { return words.find(token).value_or(unk_id); });
}

}  // namespace ethreed
