// Tokenizers of pretrained models: their files, and any bytes as the text that they are given.
//
// An input is a file, a line "====" and a text. A file that begins with { is a tokenizer.json, one with [ a vocab.txt,
// one with # a merges.txt for the toy vocabulary. An input without that line is a text for tokenizers that are good.

#include "tests/fuzz/target.h"
#include "tests/model/tiny_tokenizers.h"

#include <algorithm>

using namespace ethreed;

namespace {

void check(const SubwordTokenizer& tokenizer, std::string_view text) {
  const std::vector<std::int32_t> pieces = tokenizer.pieces_of(text);
  fuzz::require(
      std::all_of(pieces.begin(), pieces.end(), [&](std::int32_t id) { return id >= 0 && id < tokenizer.size(); }),
      "every id is of the vocabulary");
  fuzz::require(pieces.size() <= 4 * text.size() + 1, "a text has no more pieces than its characters have parts");
  fuzz::require(tokenizer.encode(text, {.specials = false}).ids == pieces, "a row without specials is the pieces");
  const SubwordRow all = tokenizer.encode(text), cut = tokenizer.encode(text, {.max_length = 2000});
  fuzz::require(all.ids.size() == all.types.size() && all.cut == 0, "every id has a type");
  fuzz::require(cut.ids.size() <= 2000 && cut.ids.size() + cut.cut == all.ids.size(), "a row is as long as it may be");
  const SubwordRow pair = tokenizer.encode(text, text, {.specials = false});
  fuzz::require(pair.ids.size() == 2 * pieces.size(), "a pair is both texts");
}

SubwordTokenizer tokenizer_of(std::string_view file) {
  if (file.starts_with('{')) return SubwordTokenizer(parts_of_tokenizer_json(file, "tokenizer.json"));
  if (file.starts_with('#')) return SubwordTokenizer(parts_of_merges(tiny_byte_pairs().dump(), file, {}, "vocab.json"));
  return word_piece_tokenizer(file);
}

}  // namespace

ETHREED_FUZZ_TARGET(subwords) {
  constexpr std::string_view line = "\n====\n";
  const std::size_t end = input.find(line);
  if (end != std::string_view::npos && (input[0] == '{' || input[0] == '[' || input[0] == '#')) {
    const SubwordTokenizer tokenizer = tokenizer_of(input.substr(0, end));
    check(tokenizer, input.substr(end + line.size()));
    return;
  }
  static const SubwordTokenizer words = word_piece_tokenizer(), bytes = byte_pair_tokenizer();
  check(words, input);
  check(bytes, input);
}
