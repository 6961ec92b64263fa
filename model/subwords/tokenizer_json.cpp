#include "model/subwords/json_part.h"
#include "model/subwords/tokenizer_files.h"

#include <algorithm>
#include <map>

namespace ethreed {

namespace {

using Json = nlohmann::json;

constexpr std::string_view advice = "save the tokenizer again by the library that made it";
constexpr std::int32_t longest_word = 1000;  // a limit: cutting a word takes its length times that of a piece

std::string type_of(JsonPart& part) { return part.text("type"); }

[[noreturn]] void unknown_type(const JsonPart& part, std::string_view type, std::string_view known) {
  fail("{}: the type '{}' is not known here; wanted {}", part.source(), cut_text(type), known);
}

BertNormaliser normaliser_of(JsonPart part) {
  const std::string type = type_of(part);
  if (type != "BertNormalizer") unknown_type(part, type, "BertNormalizer or none (null)");
  BertNormaliser out;
  out.clean = part.flag("clean_text", true);
  out.space_ideographs = part.flag("handle_chinese_chars", true);
  out.lower_case = part.flag("lowercase", true);
  out.strip_accents = part.flag("strip_accents", out.lower_case);
  part.finish();
  return out;
}

std::vector<std::pair<std::string, std::string>> merges_of(const Json& json, const std::string& source) {
  ETHREED_CHECK(json.is_array(), "{}: is {}, wanted a list; {}", source, shown(json), advice);
  std::vector<std::pair<std::string, std::string>> out;
  for (const Json& merge : json) {
    const std::size_t number = out.size() + 1;
    if (merge.is_string()) {
      const auto& text = merge.get_ref<const std::string&>();
      const std::size_t space = text.find(' ');
      ETHREED_CHECK(space != std::string::npos && text.find(' ', space + 1) == std::string::npos,
                    "{}: merge {} is '{}', wanted two pieces with a space between them; {}", source, number,
                    cut_text(text), advice);
      out.emplace_back(text.substr(0, space), text.substr(space + 1));
    } else {
      ETHREED_CHECK(merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string(),
                    "{}: merge {} is {}, wanted a text or a list of two; {}", source, number, shown(merge), advice);
      out.emplace_back(merge[0].get<std::string>(), merge[1].get<std::string>());
    }
  }
  return out;
}

void read_model(JsonPart model, TokenizerParts& parts) {
  std::string type = model.text("type", "");
  if (type.empty()) type = model.find("merges") != nullptr ? "BPE" : "WordPiece";  // files of the first versions
  if (type != "WordPiece" && type != "BPE") unknown_type(model, type, "WordPiece or BPE");
  parts.vocabulary = pieces_of_json(model.at("vocab"), model.source() + ".vocab");
  if (type == "WordPiece") {
    WordPieceParts& pieces = parts.word_pieces.emplace();
    pieces.unknown = model.text("unk_token", pieces.unknown);
    pieces.continuation = model.text("continuing_subword_prefix", pieces.continuation);
    if (model.find("max_input_chars_per_word") != nullptr)
      pieces.longest_word = model.number("max_input_chars_per_word", 1, longest_word);
  } else {
    BytePairParts& pairs = parts.byte_pairs.emplace();
    pairs.merges = merges_of(model.at("merges"), model.source() + ".merges");
    if (model.find("unk_token") != nullptr) pairs.unknown = model.text("unk_token");
    pairs.join_unknown = model.flag("fuse_unk", false);
    pairs.whole_first = model.flag("ignore_merges", false);
    model.unused("dropout", 0.0);
    model.unused("continuing_subword_prefix", "");
    model.unused("end_of_word_suffix", "");
    model.unused("byte_fallback", false);
  }
  model.finish();
}

void read_pre_tokenizer(JsonPart part, TokenizerParts& parts) {
  const std::string type = type_of(part);
  const std::string_view wanted = parts.word_pieces ? "BertPreTokenizer" : "ByteLevel";
  if (type != wanted)
    unknown_type(part, type, parts.word_pieces ? "BertPreTokenizer for WordPiece" : "ByteLevel for BPE");
  if (parts.byte_pairs) {
    parts.byte_pairs->prefix_space = part.flag("add_prefix_space", true);
    part.unused("use_regex", true);
    part.ignored("trim_offsets");  // places in the text, which ids have none of
  }
  part.finish();
}

AddedToken added_token(JsonPart part) {
  AddedToken token;
  token.id = part.number("id", 0);
  token.content = part.text("content");
  token.single_word = part.flag("single_word", false);
  token.left = part.flag("lstrip", false);
  token.right = part.flag("rstrip", false);
  token.special = part.flag("special", false);
  token.normalised = part.flag("normalized", !token.special);
  part.finish();
  return token;
}

// What post_processors share: the pieces they name, checked against the vocabulary.
class Rows {
 public:
  explicit Rows(TokenizerParts& parts) : parts_(parts) {}

  void read(JsonPart part) {
    const std::string type = type_of(part);
    if (type == "TemplateProcessing") {
      from_template(part);
    } else if (type == "BertProcessing" || type == "RobertaProcessing") {
      const std::int32_t begin = named(part, "cls"), end = named(part, "sep");
      const bool bert = type == "BertProcessing";
      constexpr std::int32_t first = RowTemplate::first, second = RowTemplate::second;
      parts_.rows.single = {{begin, 0}, {first, 0}, {end, 0}};
      if (bert)
        parts_.rows.pair = {{begin, 0}, {first, 0}, {end, 0}, {second, 1}, {end, 1}};
      else
        parts_.rows.pair = {{begin, 0}, {first, 0}, {end, 0}, {end, 0}, {second, 0}, {end, 0}};
      part.ignored("trim_offsets");
      part.ignored("add_prefix_space");  // of places in the text, too: the pre_tokenizer is who adds it
    } else if (type == "ByteLevel") {
      for (const char* key : {"trim_offsets", "add_prefix_space", "use_regex"}) part.ignored(key);
    } else {
      unknown_type(part, type, "TemplateProcessing, BertProcessing, RobertaProcessing, ByteLevel or none (null)");
    }
    part.finish();
  }

 private:
  void check(const JsonPart& part, const std::string& token, std::int32_t id) const {
    const auto size = static_cast<std::int32_t>(parts_.vocabulary.size());
    const bool in_vocabulary = id < size && parts_.vocabulary[static_cast<std::size_t>(id)] == token;
    ETHREED_CHECK(in_vocabulary || std::any_of(parts_.added.begin(), parts_.added.end(),
                                               [&](const AddedToken& t) { return t.id == id && t.content == token; }),
                  "{}: '{}' is said to have the id {}, which it has not; {}", part.source(), cut_text(token), id,
                  advice);
  }

  // ["[SEP]", 102]
  std::int32_t named(JsonPart& part, std::string_view key) const {
    const Json& value = part.at(key);
    ETHREED_CHECK(value.is_array() && value.size() == 2 && value[0].is_string(),
                  "{}: '{}' is {}, wanted a list of a token and its id; {}", part.source(), key, shown(value), advice);
    const std::int32_t id = part.number_of(value[1], key, 0);
    check(part, value[0].get<std::string>(), id);
    return id;
  }

  void from_template(JsonPart& part) {
    specials_.clear();
    if (part.find("special_tokens") != nullptr)
      for (const auto& [name, value] : part.at("special_tokens").items()) {
        JsonPart token(value, part.source() + ".special_tokens");
        token.ignored("id");
        const Json &ids = token.at("ids"), &texts = token.at("tokens");
        ETHREED_CHECK(ids.is_array() && texts.is_array() && ids.size() == texts.size(),
                      "{}: '{}' wanted as many ids as tokens, in lists; {}", token.source(), cut_text(name), advice);
        token.finish();
        std::vector<std::int32_t>& all = specials_[name];
        for (std::size_t i = 0; i < ids.size(); ++i) {
          all.push_back(token.number_of(ids[i], "ids", 0));
          check(token, token.text_of(texts[i], "tokens"), all.back());
        }
      }
    parts_.rows.single = items_of(part, "single");
    parts_.rows.pair = items_of(part, "pair");
  }

  std::vector<RowTemplate::Item> items_of(JsonPart& part, std::string_view key) const {
    const Json& list = part.at(key);
    const std::string source = part.source() + "." + std::string(key);
    ETHREED_CHECK(list.is_array(), "{}: is {}, wanted a list; {}", source, shown(list), advice);
    std::vector<RowTemplate::Item> out;
    for (const Json& value : list) {
      JsonPart item(value, source);
      const bool special = item.find("SpecialToken") != nullptr;
      JsonPart content = item.part(special ? "SpecialToken" : "Sequence");
      item.finish();
      const std::string id = content.text("id");
      const std::int32_t type = content.number("type_id", 0, 1);
      content.finish();
      if (!special) {
        ETHREED_CHECK(id == "A" || id == "B", "{}: the sequence '{}' is neither A nor B; {}", source, cut_text(id),
                      advice);
        out.push_back({id == "A" ? RowTemplate::first : RowTemplate::second, type});
        continue;
      }
      const auto found = specials_.find(id);
      ETHREED_CHECK(found != specials_.end(), "{}: '{}' is not among the special_tokens; {}", source, cut_text(id),
                    advice);
      for (const std::int32_t token : found->second) out.push_back({token, type});
    }
    return out;
  }

  TokenizerParts& parts_;
  std::map<std::string, std::vector<std::int32_t>> specials_;
};

}  // namespace

std::vector<std::string> pieces_of_json(const Json& json, const std::string& source) {
  ETHREED_CHECK(json.is_object(), "{}: is {}, wanted an object of pieces and their ids; {}", source, shown(json),
                advice);
  std::vector<std::string> pieces(json.size());
  std::vector<bool> taken(json.size());
  for (const auto& [piece, value] : json.items()) {
    ETHREED_CHECK(value.is_number_unsigned(), "{}: the id of '{}' is {}, wanted a whole number from 0 on; {}", source,
                  cut_text(piece), shown(value), advice);
    const auto id = value.get<std::uint64_t>();
    ETHREED_CHECK(id < pieces.size() && !taken[id],
                  "{}: '{}' has the id {}, of {} pieces, wanted each id from 0 to {} once; {}", source, cut_text(piece),
                  id, pieces.size(), pieces.size() - 1, advice);
    taken[id] = true;
    pieces[id] = piece;
  }
  return pieces;
}

TokenizerParts parts_of_tokenizer_json(std::string_view text, const std::string& source) {
  const Json json = parse_json<Json>(text, source, advice);
  JsonPart file(json, source);
  TokenizerParts parts;
  parts.source = source;
  file.unused("version", "1.0");
  for (const char* key : {"truncation", "padding", "decoder"}) file.ignored(key);
  read_model(file.part("model"), parts);
  if (file.find("added_tokens") != nullptr) {
    const Json& tokens = file.at("added_tokens");
    ETHREED_CHECK(tokens.is_array(), "{}: 'added_tokens' is {}, wanted a list; {}", source, shown(tokens), advice);
    for (const Json& token : tokens) parts.added.push_back(added_token(JsonPart(token, source + ": added_tokens")));
  }
  if (file.find("normalizer") != nullptr) {
    parts.normaliser = normaliser_of(file.part("normalizer"));
    ETHREED_CHECK(parts.word_pieces, "{}: a normalizer before BPE is not known here; wanted none (null)", source);
  }
  read_pre_tokenizer(file.part("pre_tokenizer"), parts);
  if (file.find("post_processor") != nullptr) Rows(parts).read(file.part("post_processor"));
  file.finish();
  return parts;
}

}  // namespace ethreed
