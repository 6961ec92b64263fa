#pragma once
// The tokenizer of a pretrained encoder: from text to the ids of its vocabulary.

#include "model/subwords/added_tokens.h"
#include "model/subwords/byte_pairs.h"
#include "model/subwords/parts.h"
#include "model/subwords/word_pieces.h"
#include "model/text/word_table.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ethreed {

struct SubwordOptions {
  std::size_t max_length = 0;          ///< ids of a row, specials included; 0: all of the text
  bool specials = true;                ///< [CLS], [SEP] and the like around the text
  std::optional<bool> prefix_space{};  ///< of byte pairs, in place of what the files say; word pieces have none
};

/// A row that an encoder reads.
struct SubwordRow {
  std::vector<std::int32_t> ids;
  std::vector<std::int32_t> types;  ///< 0, and 1 for the second text of a pair, where the model tells them apart
  std::size_t cut = 0;              ///< pieces that max_length left out
};

/// Word pieces or byte pairs. The same text gives the same ids as with the library that the files were made by. A byte
/// that is no UTF-8 is U+FFFD. Time is linear in the length of the text, but for a logarithm in that of a single word.
/// All members may be called from several threads at once. Move-only.
class SubwordTokenizer {
 public:
  /// Reads tokenizer.json, else vocab.json and merges.txt, else vocab.txt, the last two with what tokenizer_config.json
  /// says of them. A truncation and a padding that the file holds are not used. Throws Error (file, what is wrong, what
  /// to do) for a file that is damaged or has a part that is not known here.
  static SubwordTokenizer open(const std::filesystem::path& folder);
  /// Throws Error for parts that do not fit together.
  explicit SubwordTokenizer(TokenizerParts parts);

  /// Too long a text loses its end. Throws Error if max_length has no room for the specials.
  SubwordRow encode(std::string_view text, const SubwordOptions& options = {}) const;
  /// Of too long a pair the longer text loses its end, until both are as long.
  SubwordRow encode(std::string_view first, std::string_view second, const SubwordOptions& options = {}) const;
  /// Without specials.
  std::vector<std::int32_t> pieces_of(std::string_view text, std::optional<bool> prefix_space = {}) const;

  std::int32_t size() const { return vocabulary_->size(); }
  /// Throws Error unless 0 ≤ id < size().
  std::string_view piece(std::int32_t id) const;
  std::optional<std::int32_t> find(std::string_view piece) const { return vocabulary_->find(piece); }
  /// "word pieces, lower case" or "byte pairs": for people.
  std::string description() const;

 private:
  SubwordRow row(const std::vector<RowTemplate::Item>& items, std::vector<std::int32_t> first,
                 std::vector<std::int32_t> second, const SubwordOptions& options) const;

  std::string source_;
  std::unique_ptr<const WordTable> vocabulary_;  // whose place the pieces know
  std::optional<BertNormaliser> normaliser_;
  std::optional<WordPieces> word_pieces_;
  std::optional<BytePairs> byte_pairs_;
  bool prefix_space_ = false;
  std::optional<AddedTokens> raw_, normalised_;
  RowTemplate rows_;
};

}  // namespace ethreed
