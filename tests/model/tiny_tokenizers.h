#pragma once
// Tokenizers small enough to see through: invented words, merges by hand.

#include "model/subwords/tokenizer.h"
#include "model/subwords/tokenizer_files.h"

#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace ethreed {

using Ids = std::vector<std::int32_t>;

/// Its lines are the pieces: ids are 0 to 19. Lower case.
inline constexpr std::string_view tiny_word_pieces =
    "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nblor\n##bin\n##b\n##i\nmip\n,\n!\n'\n東\nble\n##x\nx\nmipzu\n##é\n[\n";

inline SubwordTokenizer word_piece_tokenizer(std::string_view vocabulary = tiny_word_pieces,
                                             std::string_view config = {}) {
  return SubwordTokenizer(parts_of_vocabulary_text(vocabulary, config, "vocab.txt"));
}

/// The toy of the specification of RoBERTa's scheme: 24 pieces and ten merges.
inline nlohmann::json tiny_byte_pairs() {
  const std::vector<std::string> pieces{"<s>",   "<pad>", "</s>", "<unk>", "!",     "d",      "e",      "h",
                                        "l",     "o",     "r",    "w",     "Ġ",     "he",     "ll",     "hell",
                                        "hello", "Ġw",    "or",   "Ġwor",  "Ġworl", "Ġworld", "Ġhello", "<mask>"};
  nlohmann::json vocabulary = nlohmann::json::object();
  for (std::size_t id = 0; id < pieces.size(); ++id) vocabulary[pieces[id]] = id;
  return vocabulary;
}
inline constexpr std::string_view tiny_merges =
    "#version: 0.2\nh e\nl l\nhe ll\nhell o\nĠ w\no r\nĠw or\nĠwor l\nĠworl d\nĠ hello\n";

inline SubwordTokenizer byte_pair_tokenizer(std::string_view config = {}) {
  return SubwordTokenizer(parts_of_merges(tiny_byte_pairs().dump(), tiny_merges, config, "vocab.json"));
}

/// The same as a tokenizer.json.
inline nlohmann::json byte_pair_json() {
  using Json = nlohmann::json;
  Json merges = Json::array();
  for (const char* merge : {"h e", "l l", "he ll", "hell o", "Ġ w", "o r", "Ġw or", "Ġwor l", "Ġworl d", "Ġ hello"})
    merges.push_back(merge);
  const auto special = [](int id, const char* content, bool left = false) {
    return Json{{"id", id},        {"content", content},  {"single_word", false}, {"lstrip", left},
                {"rstrip", false}, {"normalized", false}, {"special", true}};
  };
  return {
      {"version", "1.0"},
      {"truncation", {{"max_length", 3}, {"strategy", "LongestFirst"}, {"stride", 0}}},
      {"padding", nullptr},
      {"added_tokens",
       {special(0, "<s>"), special(1, "<pad>"), special(2, "</s>"), special(3, "<unk>"), special(23, "<mask>", true)}},
      {"normalizer", nullptr},
      {"pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}}},
      {"post_processor",
       {{"type", "RobertaProcessing"},
        {"sep", {"</s>", 2}},
        {"cls", {"<s>", 0}},
        {"trim_offsets", true},
        {"add_prefix_space", false}}},
      {"decoder", {{"type", "ByteLevel"}}},
      {"model",
       {{"type", "BPE"},
        {"dropout", nullptr},
        {"unk_token", nullptr},
        {"continuing_subword_prefix", ""},
        {"end_of_word_suffix", ""},
        {"fuse_unk", false},
        {"vocab", tiny_byte_pairs()},
        {"merges", merges}}}};
}

inline nlohmann::json word_piece_json() {
  using Json = nlohmann::json;
  const TokenizerParts parts = parts_of_vocabulary_text(tiny_word_pieces, {}, "vocab.txt");
  Json vocabulary = Json::object(), added = Json::array();
  for (std::size_t id = 0; id < parts.vocabulary.size(); ++id) vocabulary[parts.vocabulary[id]] = id;
  for (int id = 0; id < 5; ++id)
    added.push_back({{"id", id}, {"content", parts.vocabulary[static_cast<std::size_t>(id)]}, {"special", true}});
  const auto special = [](const char* name, int type) {
    return Json{{"SpecialToken", {{"id", name}, {"type_id", type}}}};
  };
  const auto text = [](const char* name, int type) { return Json{{"Sequence", {{"id", name}, {"type_id", type}}}}; };
  const auto ids = [](const char* name, int id) {
    return Json{{"id", name}, {"ids", Json::array({id})}, {"tokens", Json::array({name})}};
  };
  return {{"version", "1.0"},
          {"truncation", nullptr},
          {"padding", {{"strategy", {{"Fixed", 128}}}, {"pad_id", 0}}},
          {"added_tokens", added},
          {"normalizer",
           {{"type", "BertNormalizer"},
            {"clean_text", true},
            {"handle_chinese_chars", true},
            {"strip_accents", nullptr},
            {"lowercase", true}}},
          {"pre_tokenizer", {{"type", "BertPreTokenizer"}}},
          {"post_processor",
           {{"type", "TemplateProcessing"},
            {"single", {special("[CLS]", 0), text("A", 0), special("[SEP]", 0)}},
            {"pair", {special("[CLS]", 0), text("A", 0), special("[SEP]", 0), text("B", 1), special("[SEP]", 1)}},
            {"special_tokens", {{"[CLS]", ids("[CLS]", 2)}, {"[SEP]", ids("[SEP]", 3)}}}}},
          {"decoder", {{"type", "WordPiece"}, {"prefix", "##"}, {"cleanup", true}}},
          {"model",
           {{"type", "WordPiece"},
            {"unk_token", "[UNK]"},
            {"continuing_subword_prefix", "##"},
            {"max_input_chars_per_word", 100},
            {"vocab", vocabulary}}}};
}

inline SubwordTokenizer json_tokenizer(const nlohmann::json& json) {
  return SubwordTokenizer(parts_of_tokenizer_json(json.dump(), "tokenizer.json"));
}

/// Pieces with "|" between, without specials.
inline std::string pieces_text(const SubwordTokenizer& tokenizer, std::string_view text) {
  std::vector<std::string_view> pieces;
  for (const std::int32_t id : tokenizer.pieces_of(text)) pieces.push_back(tokenizer.piece(id));
  return fmt::format("{}", fmt::join(pieces, "|"));
}

}  // namespace ethreed
