#include "model/subwords/tokenizer_files.h"

#include "core/mapped_file.h"
#include "model/subwords/json_part.h"
#include "model/subwords/tokenizer.h"
#include "model/text/utf8.h"

#include <algorithm>
#include <array>

namespace ethreed {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr std::string_view advice = "save the tokenizer again by the library that made it, as tokenizer.json";

// Lines without their ends.
template <class Use> void each_line(std::string_view text, Use&& use) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    use(line, number);
  }
}

// tokenizer_config.json: what it says of the older files. It holds much else, which is passed over.
class Configuration {
 public:
  Configuration(std::string_view text, const std::string& folder_of, std::string_view wanted_class)
      : source_(folder_of + "tokenizer_config.json"),
        json_(text.empty() ? Json::object() : parse_json<Json>(text, source_, advice)),
        part_(json_, source_) {
    const std::string name = part_.text("tokenizer_class", "");
    std::string_view family = name;  // DistilBertTokenizerFast: Bert
    if (family.ends_with("Fast")) family.remove_suffix(4);
    if (family.starts_with("Distil")) family.remove_prefix(6);
    ETHREED_CHECK(name.empty() || family == wanted_class, "{}: is of a '{}', which is not known here; wanted {}; {}",
                  source_, cut_text(name), wanted_class, advice);
    part_.unused("never_split", Json::array());
    part_.unused("do_basic_tokenize", true);
  }
  JsonPart& part() { return part_; }
  /// The text of a special token; `standard` unless it says another.
  std::string token(std::string_view key, std::string standard) {
    const Json* found = part_.find(key);
    if (found == nullptr) return standard;
    if (found->is_object()) return JsonPart(*found, source_ + ": " + std::string(key)).text("content");
    return part_.text(key);
  }
  /// Tokens added to a vocabulary of this many pieces, but for those that are there already.
  void add_tokens(TokenizerParts& parts) {
    const Json* tokens = part_.find("added_tokens_decoder");
    if (tokens == nullptr) return;
    ETHREED_CHECK(tokens->is_object(), "{}: 'added_tokens_decoder' is {}, wanted an object; {}", source_,
                  shown(*tokens), advice);
    for (const auto& [key, value] : tokens->items()) {
      JsonPart token(value, source_ + ": added_tokens_decoder");
      AddedToken added;
      added.content = token.text("content");
      added.id = id_of(key);
      added.left = token.flag("lstrip", false);
      added.right = token.flag("rstrip", false);
      added.single_word = token.flag("single_word", false);
      added.special = token.flag("special", false);
      added.normalised = token.flag("normalized", !added.special);
      token.finish();
      std::erase_if(parts.added, [&](const AddedToken& standard) { return standard.content == added.content; });
      parts.added.push_back(std::move(added));
    }
  }

 private:
  std::int32_t id_of(const std::string& key) const {
    const bool digits = !key.empty() && key.size() <= 9 &&
                        std::all_of(key.begin(), key.end(), [](char c) { return c >= '0' && c <= '9'; });
    ETHREED_CHECK(digits, "{}: 'added_tokens_decoder' has the key '{}', wanted an id; {}", source_, cut_text(key),
                  advice);
    return std::stoi(key);
  }

  std::string source_;
  Json json_;
  JsonPart part_;
};

std::string folder_of(const std::string& source) {
  const std::string folder = fs::path(source).parent_path().string();
  return folder.empty() ? "" : folder + "/";
}

// Adds a special token of the vocabulary, once.
std::int32_t add_special(TokenizerParts& parts, const std::string& content, bool left = false) {
  const auto found = std::find(parts.vocabulary.begin(), parts.vocabulary.end(), content);
  ETHREED_CHECK(found != parts.vocabulary.end(),
                "{}: the vocabulary has no '{}', wanted that of BERT, MPNet or RoBERTa; {}", parts.source,
                cut_text(content), advice);
  const auto id = static_cast<std::int32_t>(found - parts.vocabulary.begin());
  if (std::none_of(parts.added.begin(), parts.added.end(), [&](const AddedToken& t) { return t.id == id; }))
    parts.added.push_back({.content = content, .id = id, .left = left, .special = true});
  return id;
}

bool has_piece(const TokenizerParts& parts, std::string_view piece) {
  return std::find(parts.vocabulary.begin(), parts.vocabulary.end(), piece) != parts.vocabulary.end();
}

bool has_upper_case(const TokenizerParts& parts) {
  return std::any_of(parts.vocabulary.begin(), parts.vocabulary.end(), [](const std::string& piece) {
    return !piece.starts_with('[') && !piece.starts_with('<') &&
           std::any_of(piece.begin(), piece.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
  });
}

void add_rows(TokenizerParts& parts, std::int32_t begin, std::int32_t end, bool bert) {
  constexpr std::int32_t first = RowTemplate::first, second = RowTemplate::second;
  parts.rows.single = {{begin, 0}, {first, 0}, {end, 0}};
  if (bert)
    parts.rows.pair = {{begin, 0}, {first, 0}, {end, 0}, {second, 1}, {end, 1}};
  else
    parts.rows.pair = {{begin, 0}, {first, 0}, {end, 0}, {end, 0}, {second, 0}, {end, 0}};
}

// The special tokens that people write with and without a configuration: begin, end, unknown, padding, mask.
void add_specials(TokenizerParts& parts, Configuration& config, const std::array<std::string, 5>& standard, bool bert,
                  const std::string& unknown) {
  const auto& [begin, end, pad, mask, start] = standard;
  const std::int32_t first = add_special(parts, config.token("cls_token", begin));
  const std::int32_t last = add_special(parts, config.token("sep_token", end));
  add_special(parts, unknown);
  add_special(parts, config.token("pad_token", pad));
  add_special(parts, config.token("mask_token", mask), !bert);
  if (!start.empty()) {
    add_special(parts, config.token("bos_token", start));
    add_special(parts, config.token("eos_token", end));
  }
  add_rows(parts, first, last, bert);
  config.add_tokens(parts);
}

}  // namespace

TokenizerParts parts_of_vocabulary_text(std::string_view text, std::string_view config_text,
                                        const std::string& source) {
  TokenizerParts parts;
  parts.source = source;
  each_line(text, [&](std::string_view line, std::size_t) { parts.vocabulary.emplace_back(line); });
  const bool mpnet = has_piece(parts, "<s>") && has_piece(parts, "</s>");
  Configuration config(config_text, folder_of(source), mpnet ? "MPNetTokenizer" : "BertTokenizer");
  WordPieceParts& pieces = parts.word_pieces.emplace();
  pieces.unknown = config.token("unk_token", pieces.unknown);
  BertNormaliser& normaliser = parts.normaliser.emplace();
  normaliser.lower_case = config.part().flag("do_lower_case", !has_upper_case(parts));
  normaliser.strip_accents = config.part().flag("strip_accents", normaliser.lower_case);
  normaliser.space_ideographs = config.part().flag("tokenize_chinese_chars", true);
  if (mpnet)
    add_specials(parts, config, {"<s>", "</s>", "<pad>", "<mask>", "<s>"}, false, pieces.unknown);
  else
    add_specials(parts, config, {"[CLS]", "[SEP]", "[PAD]", "[MASK]", ""}, true, pieces.unknown);
  return parts;
}

TokenizerParts parts_of_merges(std::string_view vocabulary, std::string_view merges, std::string_view config_text,
                               const std::string& source) {
  TokenizerParts parts;
  parts.source = source;
  parts.vocabulary = pieces_of_json(parse_json<Json>(vocabulary, source, advice), source);
  Configuration config(config_text, folder_of(source), "RobertaTokenizer");
  BytePairParts& pairs = parts.byte_pairs.emplace();
  pairs.prefix_space = config.part().flag("add_prefix_space", false);
  const std::string file = folder_of(source) + "merges.txt";
  each_line(merges, [&](std::string_view line, std::size_t number) {
    if (number == 1 && line.starts_with("#version")) return;
    const std::size_t space = line.find(' ');
    ETHREED_CHECK(is_utf8(line) && space != std::string_view::npos && space > 0 && space + 1 < line.size() &&
                      line.find(' ', space + 1) == std::string_view::npos,
                  "{}:{}: is '{}', wanted two pieces with a space between them; {}", file, number,
                  cut_text(replace_broken(line)), advice);
    pairs.merges.emplace_back(line.substr(0, space), line.substr(space + 1));
  });
  add_specials(parts, config, {"<s>", "</s>", "<pad>", "<mask>", "<s>"}, false, config.token("unk_token", "<unk>"));
  return parts;
}

TokenizerParts read_tokenizer_parts(const fs::path& folder) {
  ETHREED_CHECK(fs::is_directory(folder), "{}: is no folder; give the folder of a pretrained model", folder.string());
  const auto there = [&](const char* name) { return fs::exists(folder / name); };
  const auto path = [&](const char* name) { return (folder / name).string(); };
  if (there("tokenizer.json"))
    return parts_of_tokenizer_json(MappedFile(folder / "tokenizer.json").text(), path("tokenizer.json"));
  // An empty file cannot be told from one that is not there: neither says anything.
  const MappedFile config =
      there("tokenizer_config.json") ? MappedFile(folder / "tokenizer_config.json") : MappedFile();
  if (there("added_tokens.json"))
    fail("{}: has tokens beside those of the vocabulary; {}", path("added_tokens.json"), advice);
  if (there("vocab.json") || there("merges.txt")) {
    for (const char* name : {"vocab.json", "merges.txt"})
      ETHREED_CHECK(there(name), "{}: there is no {}, wanted vocab.json and merges.txt together; {}", folder.string(),
                    name, advice);
    const MappedFile vocabulary(folder / "vocab.json"), merges(folder / "merges.txt");
    return parts_of_merges(vocabulary.text(), merges.text(), config.text(), path("vocab.json"));
  }
  ETHREED_CHECK(
      there("vocab.txt"),
      "{}: holds no tokenizer, wanted tokenizer.json, or vocab.json and merges.txt, or vocab.txt (BERT, MPNet, "
      "RoBERTa and their kin; no SentencePiece)",
      folder.string());
  return parts_of_vocabulary_text(MappedFile(folder / "vocab.txt").text(), config.text(), path("vocab.txt"));
}

SubwordTokenizer SubwordTokenizer::open(const fs::path& folder) {
  return SubwordTokenizer(read_tokenizer_parts(folder));
}

}  // namespace ethreed
