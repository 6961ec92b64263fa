// What a tokenizer makes of texts, as a user asks for it.

#include "tests/tools/tiny_project.h"

#include <catch2/catch.hpp>

using namespace ethreed;
using Catch::Contains;

namespace {

// A folder `model` with a vocabulary of ten pieces.
void add_model(const TinyProject& project) {
  std::filesystem::create_directory(project / "model");
  project.file("model/vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nblor\n##bin\nmip\n,\n!\n");
}

std::vector<nlohmann::json> records_of(const std::string& text) {
  std::vector<nlohmann::json> records;
  for (const std::string& line : lines_of(text)) records.push_back(nlohmann::json::parse(line));
  return records;
}

}  // namespace

TEST_CASE("tokenize writes a record with ids and pieces for every line, from standard input or a file") {
  const TinyProject project;
  add_model(project);
  const std::string out = project.must({"tokenize", "model"}, {.input = "Blorbin, mip!\n\nwug\n"});
  CHECK(out ==
        "{\"line\":1,\"ids\":[2,5,6,8,7,9,3],\"pieces\":[\"[CLS]\",\"blor\",\"##bin\",\",\",\"mip\",\"!\",\"[SEP]\"]}\n"
        "{\"line\":2,\"ids\":[2,3],\"pieces\":[\"[CLS]\",\"[SEP]\"]}\n"
        "{\"line\":3,\"ids\":[2,1,3],\"pieces\":[\"[CLS]\",\"[UNK]\",\"[SEP]\"]}\n");
  project.file("texts.txt", "Blorbin, mip!\n\nwug");
  CHECK(project.must({"tokenize", "model", "--in", "texts.txt"}) == out);
  const std::string said =
      project.must({"tokenize", "model", "--in", "texts.txt", "--out", "out.jsonl", "--max-length", "5"});
  CHECK(said == "out.jsonl: 3 texts, 10 pieces (word pieces, lower case), 1 texts cut at 5 pieces\n");
  CHECK(records_of(project.content("out.jsonl"))[0]["cut"] == 2);
}

TEST_CASE("tokenize reads texts with line feeds and pairs from JSON") {
  const TinyProject project;
  add_model(project);
  project.file("texts.jsonl", "\"mip\\nmip\"\n[\"mip\", \"blor\"]\n\n\"\"\n");
  const auto records = records_of(project.must({"tokenize", "model", "--in", "texts.jsonl"}));
  REQUIRE(records.size() == 3);
  CHECK(records[0]["ids"] == std::vector<int>{2, 7, 7, 3});
  CHECK(records[1]["ids"] == std::vector<int>{2, 7, 3, 5, 3});
  CHECK(records[1]["types"] == std::vector<int>{0, 0, 0, 1, 1});
  CHECK(records[2]["line"] == 4);
  const auto bare = records_of(project.must({"tokenize", "model", "--in", "texts.jsonl", "--no-specials"}));
  CHECK(bare[1]["ids"] == std::vector<int>{7, 5});
}

TEST_CASE("tokenize shows the words of a data set and of a run") {
  const TinyProject project;
  project.prepare_and_train();
  const ProgramOptions text{.input = "I am SO zzyzx!\n"};
  const auto data = records_of(project.must({"tokenize", "data"}, text));
  CHECK(data == records_of(project.must({"tokenize", "run"}, text)));
  REQUIRE(data[0]["pieces"].size() == 5);
  CHECK(data[0]["pieces"][3] == "<unk>");
  check_refusal(project, {"tokenize", "data", "--no-specials"}, {"data: has a vocabulary of words"}, text);
}

TEST_CASE("tokenize refuses what it cannot read in one line") {
  const TinyProject project;
  add_model(project);
  check_refusal(project, {"tokenize", "nowhere"}, {"nowhere: is no folder"});
  check_refusal(project, {"tokenize", "corpus"}, {"corpus: holds no tokenizer", "tokenizer.json", "vocab.txt"});
  check_refusal(project, {"tokenize", "model", "--in", "nothing.txt"}, {"nothing.txt"});
  project.file("bad.jsonl", "\"mip\"\n{\"text\": \"mip\"}\n");
  check_refusal(project, {"tokenize", "model", "--in", "bad.jsonl", "--out", "out.jsonl"},
                {"bad.jsonl:2: is an object", "a list of two"});
  check_refusal(project, {"tokenize", "model", "--in", "bad.jsonl", "--out", "bad.jsonl"}, {"bad.jsonl"});
  check_refusal(project, {"tokenize", "model", "--max-length", "2"}, {"no room beside 2 special tokens"},
                {.input = "mip\n"});
  project.file("model/tokenizer.json", "{\"model\": {\"type\": \"Unigram\"}}");
  check_refusal(project, {"tokenize", "model"}, {"model/tokenizer.json: model: the type 'Unigram' is not known here"});
}
