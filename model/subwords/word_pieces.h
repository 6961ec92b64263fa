#pragma once
// WordPiece: the pieces of BERT and its kin.

#include "model/subwords/parts.h"
#include "model/subwords/piece_trie.h"
#include "model/text/word_table.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ethreed {

/// A text as WordPiece reads it: cleaned, ideographs apart, without accents, in lower case, as far as is asked for.
/// `text` must be UTF-8.
std::string normalised(std::string_view text, const BertNormaliser& how);

class WordPieces {
 public:
  /// The first `pieces` words of the vocabulary are the model's; added tokens behind them are pieces of no word. Throws
  /// Error if the unknown piece is not among them.
  WordPieces(const WordTable& vocabulary, std::int32_t pieces, const WordPieceParts& parts, const std::string& source);

  /// Appends the pieces of every word of a normalised text: between white space, and each punctuation character is a
  /// word. A word that cannot be cut into pieces to its end is one unknown piece.
  void encode(std::string_view text, std::vector<std::int32_t>& ids) const;

 private:
  void encode_word(std::string_view word, std::size_t characters, std::vector<std::int32_t>& ids) const;

  std::int32_t unknown_ = 0;
  std::size_t longest_word_ = 0;
  PieceTrie heads_, tails_;
};

}  // namespace ethreed
