#pragma once
// What a tokenizer of a pretrained model is made of, as its files say it.

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace ethreed {

/// A token that is found in the text itself, before anything else is done to it.
struct AddedToken {
  std::string content;
  std::int32_t id = 0;
  bool single_word = false;        ///< not where it touches letters or digits
  bool left = false;               ///< takes the white space on its left with it
  bool right = false;              ///< and that on its right
  bool normalised = false;         ///< is looked for in the normalised text, normalised itself
  bool special = false;            ///< [CLS] and the like, of which no text is made
  std::string source = "a token";  ///< how messages call it
};

/// WordPiece's way with a text before it is cut into words.
struct BertNormaliser {
  bool clean = true;
  bool space_ideographs = true;
  bool strip_accents = true;
  bool lower_case = true;
};

/// How a text, or a pair of texts, becomes one row of ids.
struct RowTemplate {
  static constexpr std::int32_t first = -1, second = -2;  ///< in place of an id: the pieces of that text
  struct Item {
    std::int32_t id = first;
    std::int32_t type = 0;
  };
  std::vector<Item> single{{first, 0}};
  std::vector<Item> pair{{first, 0}, {second, 1}};
};

/// Words are cut from the left into the longest pieces of the vocabulary.
struct WordPieceParts {
  std::string unknown = "[UNK]";
  std::string continuation = "##";  ///< in front of pieces that begin no word
  std::int32_t longest_word = 100;  ///< characters; longer words are unknown
};

/// Bytes are merged, pair by pair.
struct BytePairParts {
  std::vector<std::pair<std::string, std::string>> merges;  ///< by rank
  std::optional<std::string> unknown;  ///< for bytes that the vocabulary does not have; none: they vanish
  bool join_unknown = false;           ///< one for all that follow each other
  bool whole_first = false;            ///< a word that is a piece is that piece, whatever the merges make of it
  bool prefix_space = false;           ///< a space before a text that begins with none
};

/// Either word pieces, with or without the normaliser, or byte pairs, without.
struct TokenizerParts {
  std::string source;                   ///< file, for messages
  std::vector<std::string> vocabulary;  ///< pieces by id
  std::vector<AddedToken> added;
  std::optional<BertNormaliser> normaliser;
  std::optional<WordPieceParts> word_pieces;
  std::optional<BytePairParts> byte_pairs;
  RowTemplate rows;
};

}  // namespace ethreed
