#pragma once
// Tokens that are found in a text as they stand: [MASK], </s>, and what people added to a vocabulary.

#include "model/subwords/parts.h"
#include "model/subwords/piece_trie.h"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace ethreed {

/// What a text holds, from left to right: the id of an added token, or the text between them (then the id is −1).
using TextPart = std::function<void(std::string_view text, std::int32_t id)>;

class AddedTokens {
 public:
  /// Longer tokens are none that anybody adds, and would make finding them slow.
  static constexpr std::size_t longest = 256;

  /// `texts`: the tokens as they are looked for, beside `tokens`; those that are empty are never found. Where two have
  /// the same text, the first one is found.
  AddedTokens(std::vector<AddedToken> tokens, std::vector<std::string> texts);

  /// Calls `part` for every part of `text`, none of them empty. The leftmost token wins, then the longest.
  void split(std::string_view text, const TextPart& part) const;

 private:
  std::vector<AddedToken> tokens_;
  std::vector<std::string> texts_;
  PieceTrie trie_;
};

}  // namespace ethreed
