#pragma once
// Byte-level byte pair encoding: the pieces of RoBERTa, by GPT-2's scheme.

#include "model/subwords/parts.h"
#include "model/text/word_table.h"

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace ethreed {

/// Calls `word` for every word of a text: contractions ('s 't 're 've 'm 'll 'd), runs of letters, of numbers and of
/// anything else with a space before each, and runs of white space, whose last one belongs to what follows. The words
/// are all of the text. It must be UTF-8.
void split_words(std::string_view text, const std::function<void(std::string_view word)>& word);

/// The printable characters that stand for bytes in the vocabulary: space is Ġ, line feed is Ċ.
std::string printable_bytes(std::string_view bytes);

class BytePairs {
 public:
  /// The first `pieces` words of the vocabulary, which must live as long as this, are the model's; added tokens behind
  /// them are pieces of no word. Throws Error for merges of pieces, or to pieces, that are not among them, and for one
  /// that appears twice.
  BytePairs(const WordTable& vocabulary, std::int32_t pieces, const BytePairParts& parts, const std::string& source);

  /// Appends the pieces of every word. `prefix_space`: a space is put before a text that does not begin with one.
  void encode(std::string_view text, bool prefix_space, std::vector<std::int32_t>& ids) const;

 private:
  struct Merge {
    std::int32_t rank = 0, id = 0;
  };
  void encode_word(std::string_view word, std::vector<std::int32_t>& ids) const;
  std::optional<std::int32_t> find(std::string_view piece) const;
  const Merge* merge_of(std::int32_t left, std::int32_t right) const;

  std::unordered_map<std::uint64_t, Merge> merges_;
  std::array<std::int32_t, 256> bytes_{};  ///< their pieces; −1: the vocabulary has none
  std::int32_t unknown_ = -1;
  bool join_unknown_ = false;
  const WordTable* vocabulary_;
  std::int32_t pieces_;
  bool whole_first_ = false;
};

}  // namespace ethreed
