#include "model/text/word_table.h"

#include "core/error.h"
#include "model/text/tokenizer.h"
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

std::vector<std::int32_t> encode_utterance(std::string_view text, WordTable& words, int max_length) {
  ETHREED_CHECK(max_length >= 1, "encode_utterance: max_length is {}, wanted at least 1 (the end mark)", max_length);
  const std::vector<std::string> tokens = tokenize(text);
  const std::size_t kept = std::min(tokens.size(), static_cast<std::size_t>(max_length - 1));
  std::vector<std::int32_t> ids(kept + 1, eos_id);
  for (std::size_t i = 0; i < kept; ++i) ids[i] = words.id(tokens[i]);
  return ids;
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
  return detokenize(tokens);
}

}  // namespace ethreed
