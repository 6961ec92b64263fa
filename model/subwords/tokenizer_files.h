#pragma once
// The files of tokenizers: tokenizer.json, which holds everything, and the older ones.

#include "model/subwords/parts.h"

#include <nlohmann/json_fwd.hpp>

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace ethreed {

/// Parts of the text of a tokenizer.json; `source` stands for the file in messages. Known are BertNormalizer,
/// BertPreTokenizer with WordPiece and ByteLevel with BPE, and as post_processor TemplateProcessing, BertProcessing,
/// RobertaProcessing, ByteLevel and none. Throws Error for everything else.
TokenizerParts parts_of_tokenizer_json(std::string_view text, const std::string& source);

/// Parts of vocab.txt (one piece a line, with the options of tokenizer_config.json: `config` is its text, or empty),
/// as BERT, or as MPNet where the vocabulary has `<s>` and `</s>`. Where the configuration does not say whether text is
/// lower-cased, it is if no piece but those in brackets has an upper-case letter of ASCII.
TokenizerParts parts_of_vocabulary_text(std::string_view text, std::string_view config, const std::string& source);

/// Parts of vocab.json and merges.txt, as RoBERTa.
TokenizerParts parts_of_merges(std::string_view vocabulary, std::string_view merges, std::string_view config,
                               const std::string& source);

/// The parts of a folder's tokenizer: of tokenizer.json, else vocab.json with merges.txt, else vocab.txt.
TokenizerParts read_tokenizer_parts(const std::filesystem::path& folder);

/// Pieces by id, of an object {piece: id} with the ids 0, 1, 2, …, in any order: vocab.json, or model.vocab. Throws
/// Error for gaps.
std::vector<std::string> pieces_of_json(const nlohmann::json& json, const std::string& source);

}  // namespace ethreed
