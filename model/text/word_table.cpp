#include "model/text/word_table.h"

#include "core/error.h"
#include "model/text/vocabulary.h"

#include <algorithm>

namespace ethreed {

std::int32_t WordTable::id(std::string_view word) {
  if (const auto place = ids_.find(word); place != ids_.end()) return place->second;
  const std::int32_t id = size();
  words_.emplace_back(word);
  ids_.emplace(words_.back(), id);
  return id;
}

std::optional<std::int32_t> WordTable::find(std::string_view word) const {
  const auto place = ids_.find(word);
  return place == ids_.end() ? std::nullopt : std::optional(place->second);
}

namespace {

// At most max_length − 1 tokens, then EOS; `id_of` gives a token's id. `caller` is for the message.
template <class IdOf>
std::vector<std::int32_t> encode(const char* caller, std::span<const std::string> tokens, int max_length, IdOf id_of) {
  ETHREED_CHECK(max_length >= 1, "{}: max_length is {}, wanted at least 1 (the end mark)", caller, max_length);
  const std::size_t kept = std::min(tokens.size(), static_cast<std::size_t>(max_length - 1));
  std::vector<std::int32_t> ids(kept + 1, eos_id);
  for (std::size_t i = 0; i < kept; ++i) ids[i] = id_of(tokens[i]);
  return ids;
}

}  // namespace

std::vector<std::int32_t> encode_utterance(std::string_view text, WordTable& words, int max_length) {
  return encode("encode_utterance", tokenize(text, words.rules()), max_length,
                [&](const std::string& token) { return words.id(token); });
}

std::vector<std::int32_t> encode_tokens(std::span<const std::string> tokens, WordTable& words, int max_length) {
  return encode("encode_tokens", tokens, max_length, [&](const std::string& token) { return words.id(token); });
}

std::vector<std::int32_t> encode_known(std::string_view text, const WordTable& words, int max_length) {
  return encode("encode_known", tokenize(text, words.rules()), max_length,
                [&](const std::string& token) { return words.find(token).value_or(unk_id); });
}

std::string decode_utterance(std::span<const std::int32_t> ids, const WordTable& words) {
  std::vector<std::string_view> tokens;
  for (const std::int32_t id : ids) {
    if (id == eos_id) break;
    if (id == pad_id || id == sos_id) continue;
    ETHREED_CHECK(id >= 0 && id < words.size(), "decode_utterance: id {} is outside the table of {} words", id,
                  words.size());
    tokens.push_back(words.word(id));
  }
  return detokenize(tokens, words.rules());
}

}  // namespace ethreed
