#pragma once
// Words and their numbers.

#include "model/text/tokenizer.h"

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace ethreed {

/// Lets a hash map with std::string keys be searched by std::string_view.
struct StringHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};

/// A growing list of different words, numbered from 0 in the order they came. A data set's table starts with the
/// vocabulary (ids below its size V) and goes on with every other word seen, so that a word the model cannot name by
/// its vocabulary can still be copied and printed; a conversation adds the words that a person types. A table knows by
/// which rules texts become its words.
class WordTable {
 public:
  explicit WordTable(TokenRules rules = TokenRules::own) : rules_(rules) {}
  TokenRules rules() const { return rules_; }
  /// The word's id; a word not seen before gets the next one.
  std::int32_t id(std::string_view word);
  std::optional<std::int32_t> find(std::string_view word) const;
  /// Stays valid while the table lives, also when it grows. `id` must be below size().
  std::string_view word(std::int32_t id) const { return words_[id]; }
  std::int32_t size() const { return static_cast<std::int32_t>(words_.size()); }

 private:
  TokenRules rules_;
  std::deque<std::string> words_;
  std::unordered_map<std::string, std::int32_t, StringHash, std::equal_to<>> ids_;
};

/// Tokens of `text` by the rules of `words` as its ids (new words are added), at most `max_length` − 1 of them, then
/// EOS. Throws Error if max_length < 1.
std::vector<std::int32_t> encode_utterance(std::string_view text, WordTable& words, int max_length);

/// The same from tokens.
std::vector<std::int32_t> encode_tokens(std::span<const std::string> tokens, WordTable& words, int max_length);

/// The same for a fixed table (a checkpoint's vocabulary): a token that it lacks becomes <unk>, and the table stays as
/// it is, so that any number of threads may read texts with it.
std::vector<std::int32_t> encode_known(std::string_view text, const WordTable& words, int max_length);

/// Readable text of ids up to the first EOS; pads and SOS are left out. Throws Error for an id outside the table.
std::string decode_utterance(std::span<const std::int32_t> ids, const WordTable& words);

}  // namespace ethreed
