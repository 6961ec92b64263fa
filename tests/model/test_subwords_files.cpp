// The files of tokenizers: which are read, what they say, and what is refused.

#include "model/subwords/added_tokens.h"
#include "tests/model/tiny_tokenizers.h"
#include "tests/temporary_folder.h"

#include <fmt/format.h>
#include <catch2/catch.hpp>

using namespace ethreed;
using Catch::Contains;
using Json = nlohmann::json;

namespace {

// One error in one line, which names the file and holds these words.
void check_refused(const Json& json, const std::string& words) {
  INFO(words);
  CHECK_THROWS_WITH(json_tokenizer(json), Catch::StartsWith("tokenizer.json") && Contains(words));
}

Json changed(Json json, const std::string& pointer, const Json& value) {
  json[Json::json_pointer(pointer)] = value;
  return json;
}

Json without(Json json, const std::string& part, const std::string& key) {
  (part.empty() ? json : json[part]).erase(key);
  return json;
}

}  // namespace

TEST_CASE("tokenizer.json gives the same ids as the older files of the same vocabulary") {
  const SubwordTokenizer pieces = word_piece_tokenizer(), pairs = byte_pair_tokenizer();
  const SubwordTokenizer pieces_json = json_tokenizer(word_piece_json()), pairs_json = json_tokenizer(byte_pair_json());
  for (const char* text :
       {"Blorbin, mip!", "mip[MASK] é 東", "hello world! hello", "", "<s> hello <mask> ", "wor wug"}) {
    CHECK(pieces.encode(text).ids == pieces_json.encode(text).ids);
    CHECK(pairs.encode(text).ids == pairs_json.encode(text).ids);
    CHECK(pieces.encode(text, "mip").types == pieces_json.encode(text, "mip").types);
    CHECK(pairs.encode(text, "or").ids == pairs_json.encode(text, "or").ids);
  }
  CHECK(pieces.description() == "word pieces, lower case");
  CHECK(pairs.description() == "byte pairs");
}

TEST_CASE("a truncation and a padding that the file holds change nothing") {
  CHECK(json_tokenizer(byte_pair_json()).encode("hello hello hello hello").ids == Ids{0, 16, 22, 22, 22, 2});
  CHECK(json_tokenizer(word_piece_json()).encode("mip").ids == Ids{2, 9, 3});
}

TEST_CASE("a folder is read by tokenizer.json, else vocab.json and merges.txt, else vocab.txt") {
  const TemporaryFolder folder;
  CHECK_THROWS_WITH(SubwordTokenizer::open(folder / "absent"), Contains("is no folder"));
  CHECK_THROWS_WITH(SubwordTokenizer::open(folder.path()), Contains("holds no tokenizer, wanted tokenizer.json"));
  folder.file("vocab.txt", tiny_word_pieces);
  CHECK(SubwordTokenizer::open(folder.path()).encode("mip").ids == Ids{2, 9, 3});
  folder.file("vocab.json", tiny_byte_pairs().dump());
  CHECK_THROWS_WITH(SubwordTokenizer::open(folder.path()), Contains("there is no merges.txt"));
  folder.file("merges.txt", tiny_merges);
  CHECK(SubwordTokenizer::open(folder.path()).encode("hello").ids == Ids{0, 16, 2});
  folder.file("tokenizer_config.json", R"({"add_prefix_space": true, "tokenizer_class": "RobertaTokenizer"})");
  CHECK(SubwordTokenizer::open(folder.path()).encode("hello").ids == Ids{0, 22, 2});
  folder.file("tokenizer_config.json", R"({"tokenizer_class": "GPT2Tokenizer"})");
  CHECK_THROWS_WITH(SubwordTokenizer::open(folder.path()), Contains("is of a 'GPT2Tokenizer', which is not known"));
  std::filesystem::remove(folder / "vocab.json");
  std::filesystem::remove(folder / "merges.txt");
  folder.file("tokenizer_config.json", R"({"tokenizer_class": "BertJapaneseTokenizer"})");
  CHECK_THROWS_WITH(SubwordTokenizer::open(folder.path()), Contains("'BertJapaneseTokenizer', which is not known"));
  folder.file("tokenizer_config.json", R"({"tokenizer_class": "DistilBertTokenizerFast"})");
  CHECK(SubwordTokenizer::open(folder.path()).encode("mip").ids == Ids{2, 9, 3});
  folder.file("added_tokens.json", "{}");
  CHECK_THROWS_WITH(SubwordTokenizer::open(folder.path()), Contains("has tokens beside those of the vocabulary"));
  folder.file("tokenizer.json", word_piece_json().dump());
  CHECK(SubwordTokenizer::open(folder.path()).encode("mip").ids == Ids{2, 9, 3});
}

TEST_CASE("vocab.txt is lower-cased if the configuration says so, or if it has no upper case itself") {
  const std::string cased = std::string(tiny_word_pieces) + "Mip\nÉ\n";
  CHECK(pieces_text(word_piece_tokenizer(), "MIP É") == "mip|[UNK]");
  CHECK(pieces_text(word_piece_tokenizer(cased), "Mip É") == "Mip|É");
  CHECK(pieces_text(word_piece_tokenizer(cased, R"({"do_lower_case": true})"), "Mip") == "mip");
  CHECK(pieces_text(word_piece_tokenizer(tiny_word_pieces, R"({"do_lower_case": false})"), "Mip mip") == "[UNK]|mip");
  CHECK(pieces_text(word_piece_tokenizer(tiny_word_pieces, R"({"strip_accents": false})"), "xÉ") == "x|##é");
  CHECK(pieces_text(word_piece_tokenizer(tiny_word_pieces, R"({"tokenize_chinese_chars": false})"), "mip東") ==
        "[UNK]");
}

TEST_CASE("lines may end as Windows ends them, and the configuration may name and add tokens") {
  CHECK(word_piece_tokenizer("[PAD]\r\n[UNK]\r\n[CLS]\r\n[SEP]\r\n[MASK]\r\nmip").encode("mip").ids == Ids{2, 5, 3});
  const SubwordTokenizer named = word_piece_tokenizer(
      "PAD\nUNK\nBEGIN\nEND\nMASK\nmip\n",
      R"({"pad_token": "PAD", "unk_token": "UNK", "cls_token": {"content": "BEGIN", "lstrip": false},
          "sep_token": "END", "mask_token": "MASK", "model_max_length": 512})");
  CHECK(named.encode("mip wug").ids == Ids{2, 5, 1, 3});
  const SubwordTokenizer added = word_piece_tokenizer(
      tiny_word_pieces, R"({"added_tokens_decoder": {"20": {"content": "Wug", "normalized": true}}})");
  CHECK(added.size() == 21);
  CHECK(added.encode("mipwug, WUG").ids == Ids{2, 9, 20, 10, 20, 3});
}

TEST_CASE("added tokens heed their flags") {
  const auto with = [](Json flags) {
    flags.update({{"id", 20}, {"content", "Wug"}, {"special", false}});
    Json json = word_piece_json();
    json["added_tokens"].push_back(flags);
    return json_tokenizer(json);
  };
  CHECK(pieces_text(with({{"normalized", false}}), "mip wug Wug mipWug") == "mip|[UNK]|Wug|mip|Wug");
  CHECK(pieces_text(with({{"normalized", true}}), "mip wug Wúg") == "mip|Wug|Wug");
  CHECK(pieces_text(with({{"single_word", true}}), "mip Wugs xWug Wug! éWug") == "mip|[UNK]|[UNK]|Wug|!|[UNK]");
  Json json = word_piece_json();
  json["added_tokens"].push_back({{"id", 20}, {"content", "wug"}, {"single_word", true}, {"special", false}});
  CHECK(pieces_text(json_tokenizer(json), "wug wugx") == "wug|[UNK]");  // it is a piece of no word
  const SubwordTokenizer left = json_tokenizer(changed(byte_pair_json(), "/added_tokens/1/lstrip", true));
  CHECK(pieces_text(left, "hello \u3000<pad> hello") == "hello|<pad>|Ġhello");
  const SubwordTokenizer right = json_tokenizer(changed(byte_pair_json(), "/added_tokens/1/rstrip", true));
  CHECK(pieces_text(right, "hello <pad> \n hello") == "hello|Ġ|<pad>|hello");
}

TEST_CASE("the parts of a text are all of it once, whatever white space its added tokens take") {
  const AddedTokens tokens({{.content = "A", .id = 1, .right = true}, {.content = "B", .id = 2, .left = true}},
                           {"A", "B"});
  const auto parts = [&](std::string_view text) {
    std::string out, all;
    tokens.split(text, [&](std::string_view part, std::int32_t id) {
      out += fmt::format("{}[{}]", id, part);
      all += part;
    });
    CHECK(all == text);
    return out;
  };
  CHECK(parts("A  B") == "1[A  ]2[B]");
  CHECK(parts("x  B  A  B x") == "-1[x]2[  B]-1[  ]1[A  ]2[B]-1[ x]");
  CHECK(parts("  ") == "-1[  ]");
}

TEST_CASE("merges are read as texts and as pairs") {
  Json json = byte_pair_json(), pairs = Json::array();
  for (const Json& merge : json["model"]["merges"]) {
    const auto text = merge.get<std::string>();
    pairs.push_back({text.substr(0, text.find(' ')), text.substr(text.find(' ') + 1)});
  }
  json["model"]["merges"] = pairs;
  CHECK(json_tokenizer(json).pieces_of("hello world!") == Ids{16, 21, 4});
}

TEST_CASE("a post_processor of another kind surrounds a text by what it says") {
  const Json json = word_piece_json();
  const Json bert{{"type", "BertProcessing"}, {"sep", {"[SEP]", 3}}, {"cls", {"[CLS]", 2}}};
  CHECK(json_tokenizer(changed(json, "/post_processor", bert)).encode("mip", "x").types == Ids{0, 0, 0, 1, 1});
  CHECK(json_tokenizer(changed(json, "/post_processor", nullptr)).encode("mip").ids == Ids{9});
  CHECK(json_tokenizer(changed(json, "/post_processor", nullptr)).encode("mip", "x").types == Ids{0, 1});
  const Json bytes{{"type", "ByteLevel"}, {"trim_offsets", true}};
  CHECK(json_tokenizer(changed(byte_pair_json(), "/post_processor", bytes)).encode("hello").ids == Ids{16});
}

TEST_CASE("a part of tokenizer.json that is not known here is refused by its name") {
  const Json words = word_piece_json(), bytes = byte_pair_json();
  check_refused(changed(words, "/model/type", "Unigram"), "the type 'Unigram' is not known here; wanted WordPiece");
  check_refused(changed(words, "/normalizer/type", "NFKC"), "the type 'NFKC' is not known here; wanted BertNormalizer");
  check_refused(changed(words, "/normalizer/extra", 1), "the key 'extra' is not known here");
  check_refused(changed(words, "/pre_tokenizer/type", "Metaspace"), "'Metaspace' is not known here; wanted BertPre");
  check_refused(changed(words, "/pre_tokenizer", bytes["pre_tokenizer"]), "wanted BertPreTokenizer for WordPiece");
  check_refused(changed(bytes, "/pre_tokenizer", words["pre_tokenizer"]), "wanted ByteLevel for BPE");
  check_refused(changed(bytes, "/normalizer", words["normalizer"]), "a normalizer before BPE is not known here");
  check_refused(changed(words, "/post_processor/type", "Mystery"), "the type 'Mystery' is not known here");
  check_refused(changed(words, "/novelty", 1), "the key 'novelty' is not known here");
  check_refused(changed(words, "/version", "2.0"), "'version' is '2.0', which is not known here");
  check_refused(changed(bytes, "/model/dropout", 0.1), "'dropout' is 0.1, which is not known here");
  check_refused(changed(bytes, "/model/end_of_word_suffix", "</w>"), "'end_of_word_suffix' is '</w>'");
  check_refused(changed(bytes, "/model/byte_fallback", true), "'byte_fallback' is true");
  check_refused(changed(bytes, "/pre_tokenizer/use_regex", false), "'use_regex' is false");
}

TEST_CASE("a tokenizer.json whose parts do not fit together is refused") {
  const Json words = word_piece_json(), bytes = byte_pair_json();
  CHECK_THROWS_WITH(SubwordTokenizer(parts_of_tokenizer_json("{", "tokenizer.json")), Contains("not valid JSON"));
  check_refused(Json::array(), "is an array, wanted an object");
  check_refused(without(words, "", "model"), "has no 'model'");
  check_refused(without(words, "model", "vocab"), "has no 'vocab'");
  check_refused(changed(words, "/model/vocab/mip", 11), "wanted each id from 0 to 19 once");
  check_refused(changed(words, "/model/vocab/mip", 4'000'000'000), "wanted each id from 0 to 19 once");
  check_refused(changed(words, "/model/vocab/mip", -1), "the id of 'mip' is -1");
  check_refused(changed(words, "/model/unk_token", "<none>"), "no piece '<none>', which stands for unknown words");
  check_refused(changed(words, "/model/max_input_chars_per_word", 100'000), "wanted a whole number from 1 to 1000");
  check_refused(changed(words, "/model/vocab", Json::object()), "the vocabulary has no piece");
  check_refused(changed(words, "/added_tokens/2/id", 9),
                "the added token '[CLS]' has id 9, where the vocabulary has it");
  check_refused(changed(words, "/added_tokens/2/content", ""), "has 0 bytes, wanted 1 to 256");
  check_refused(changed(words, "/added_tokens/2/content", std::string(300, 'a')), "has 300 bytes, wanted 1 to 256");
  check_refused(changed(words, "/added_tokens/2", words["added_tokens"][3]), "two added tokens have the id 3");
  check_refused(changed(words, "/added_tokens/2/content", "[NEW]"), "has id 2, where the next free one is 20");
  check_refused(changed(words, "/post_processor/special_tokens/[CLS]/ids/0", 3), "'[CLS]' is said to have the id 3");
  check_refused(changed(words, "/post_processor/single/0/SpecialToken/id", "[X]"), "'[X]' is not among the special");
  check_refused(changed(words, "/post_processor/single/1/Sequence/id", "B"), "wanted the first text once");
  check_refused(changed(words, "/post_processor/pair/3/Sequence/id", "C"), "the sequence 'C' is neither A nor B");
  check_refused(changed(bytes, "/post_processor/sep", {"</s>", 4}), "'</s>' is said to have the id 4");
  check_refused(changed(bytes, "/model/merges/0", "h"), "merge 1 is 'h', wanted two pieces");
  check_refused(changed(bytes, "/model/merges/0", "h e l"), "merge 1 is 'h e l', wanted two pieces");
  check_refused(changed(bytes, "/model/merges/0", "h d"), "needs 'hd', which the vocabulary does not have");
  check_refused(changed(bytes, "/model/merges/1", "h e"), "merge 2, of 'h' and 'e', appears twice");
  check_refused(changed(bytes, "/model/unk_token", "?"), "no piece '?', which stands for unknown bytes");
}

TEST_CASE("older files that do not hold what they should are refused by their name and line") {
  CHECK_THROWS_WITH(word_piece_tokenizer("mip\n"), Contains("vocab.txt: the vocabulary has no '[CLS]'"));
  CHECK_THROWS_WITH(word_piece_tokenizer(std::string(tiny_word_pieces) + "mip\n"),
                    Contains("vocab.txt: the piece 'mip' has two ids, 9 and 20"));
  CHECK_THROWS_WITH(word_piece_tokenizer(std::string(tiny_word_pieces) + "\xFF\n"),
                    Contains("vocab.txt: piece 20 is no UTF-8"));
  CHECK_THROWS_WITH(word_piece_tokenizer(tiny_word_pieces, "["), Contains("tokenizer_config.json: not valid JSON"));
  CHECK_THROWS_WITH(word_piece_tokenizer(tiny_word_pieces, R"({"do_lower_case": 1})"),
                    Contains("'do_lower_case' is 1, wanted true or false"));
  CHECK_THROWS_WITH(word_piece_tokenizer(tiny_word_pieces, R"({"never_split": ["mip"]})"), Contains("'never_split'"));
  const auto merges = [](std::string_view text) {
    return SubwordTokenizer(parts_of_merges(tiny_byte_pairs().dump(), text, {}, "m/vocab.json"));
  };
  CHECK_THROWS_WITH(merges("#version: 0.2\nh e\nhe\n"), Contains("m/merges.txt:3: is 'he', wanted two pieces"));
  CHECK_THROWS_WITH(merges("h e\n\n"), Contains("m/merges.txt:2: is ''"));
  CHECK_THROWS_WITH(SubwordTokenizer(parts_of_merges("[]", "", {}, "m/vocab.json")),
                    Contains("m/vocab.json: is an array, wanted an object"));
  CHECK_THROWS_WITH(SubwordTokenizer(parts_of_merges(R"({"a": 0})", "", {}, "m/vocab.json")),
                    Contains("m/vocab.json: the vocabulary has no '<s>'"));
}

TEST_CASE("a piece is asked for by an id that there is") {
  const SubwordTokenizer tokenizer = word_piece_tokenizer();
  CHECK(tokenizer.piece(9) == "mip");
  CHECK(tokenizer.find("##bin") == 6);
  CHECK_FALSE(tokenizer.find("bin"));
  CHECK_THROWS_WITH(tokenizer.piece(20), Contains("piece 20 wanted, of a vocabulary of 20"));
  CHECK_THROWS_WITH(tokenizer.piece(-1), Contains("piece -1 wanted"));
}
