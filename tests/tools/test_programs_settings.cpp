// The setting of the published releases from prepare to reply: everything that reads new text for a run has its tokens.

#include "tests/tools/tiny_project.h"

#include <catch2/catch.hpp>

using namespace ethreed;
using Json = nlohmann::json;
using Catch::Contains;

namespace {

// A run `run` on the data set `data` in the published setting, in which can and not are two words.
void prepare_and_train(const TinyProject& project) {
  project.must({"prepare", "corpus", "--out", "data", "--labels", "labels.csv", "--dimension", "8", "--tokens",
                "published-newer", "--vocabulary", "full", "--max-length", "1000"});
  project.file("mime.json", R"({"model": {"name": "mime", "width": 8, "depth": 4, "inner": 4}})");
  project.must({"train", "--data", "data", "--out", "run", "--config", "mime.json", "--epochs", "1", "--quiet"});
}

std::vector<std::string> pieces_of(const TinyProject& project, const std::string& folder, const std::string& text) {
  return Json::parse(project.must({"tokenize", folder}, {.input = text})).at("pieces");
}

}  // namespace

TEST_CASE("a run answers new text with the tokens of its data, by whatever command") {
  const TinyProject project;
  std::string corpus = project.content("corpus/train.csv");
  corpus += "z,1,sad,p,1,I cannot believe it wouldn't run,,\nz,2,sad,p,0,Oh.. *no*,,\n";
  project.file("corpus/train.csv", corpus);
  prepare_and_train(project);
  const std::vector<std::string> wanted{"i", "can", "not", "would", "n't", "..", "*", "no", "*"};
  CHECK(pieces_of(project, "data", "I cannot wouldn't.. *no*\n") == wanted);
  CHECK(pieces_of(project, "run", "I cannot wouldn't.. *no*\n") == wanted);

  project.file("posts.txt", "I cannot\nI can not\nI wouldn't\n");
  std::vector<Json> replies;  // by the mean of the latent variables: a sample belongs to a record's place in the file
  for (const std::string& line :
       lines_of(project.must({"reply", "run", "--in", "posts.txt", "--out", "-", "--quiet", "--latent", "mean"}, {})))
    replies.push_back(Json::parse(line));
  REQUIRE(replies.size() == 3);
  const auto same = [&](const std::string& key) {
    CHECK(replies[0].at(key) == replies[1].at(key));
    CHECK(replies[0].at(key).is_null() == false);
  };
  same("tracked_emotion");
  same("reply");
  CHECK(replies[0].at("unknown_share") == 0.0);  // cannot is no word of this data, can and not are
  CHECK(replies[2].at("unknown_share") == 0.0);

  const Json config = project.json("run/best/config.json");
  CHECK(config.at("format") == 4);
  CHECK(config.at("data").at("tokens") == "published-newer");
  CHECK_THAT(project.must({"chat", "run"}, {.input = "I cannot\n"}), !Contains("not know"));
}

TEST_CASE("data made like a run, on the disk or in memory, has its tokens, and other tokens are refused") {
  const TinyProject project;
  prepare_and_train(project);
  project.must({"prepare", "corpus", "--like", "run", "--labels", "labels.csv", "--out", "again"});
  CHECK(project.json("again/summary.json").at("tokens") == "published-newer");
  CHECK(project.json("again/summary.json").at("fingerprint") == project.json("data/summary.json").at("fingerprint"));
  project.must({"train", "--data", "again", "--out", "run", "--resume", "--epochs", "2", "--quiet"});
  const Json before = Json::parse(project.must({"evaluate", "run", "--json"}));
  const Json in_memory =
      Json::parse(project.must({"evaluate", "run", "--corpus", "corpus", "--labels", "labels.csv", "--json"}));
  CHECK(before.at("perplexity_token") == in_memory.at("perplexity_token"));
  // The same words under another name.
  const std::string words = project.content("data/vocabulary.txt");
  project.must({"prepare", "corpus", "--out", "older", "--labels", "labels.csv", "--dimension", "8", "--tokens",
                "published-older", "--vocabulary", "full", "--max-length", "1000"});
  REQUIRE(project.content("older/vocabulary.txt") == words);
  check_refusal(project, {"evaluate", "run", "--data", "older"},
                {"its tokens are 'published-older'", "run 'published-newer'", "--like run"});
}

TEST_CASE("prepare refuses names that are no setting, and options that contradict it, in one line") {
  const TinyProject project;
  check_refusal(project, {"prepare", "corpus", "--out", "data", "--tokens", "treebank"},
                {"--tokens", "treebank", "published-older"});
  check_refusal(project, {"prepare", "corpus", "--out", "data", "--vocabulary", "test"}, {"--vocabulary", "full"});
  check_refusal(project, {"prepare", "corpus", "--out", "data", "--vocabulary", "full", "--min-frequency", "3"},
                {"--min-frequency 3", "a full vocabulary has every word"});
  project.must({"prepare", "corpus", "--out", "data", "--vocabulary", "full", "--min-frequency", "1"});
}

TEST_CASE("like a run excludes tokens and vocabulary, and a checkpoint of tokens that are not known is refused") {
  const TinyProject project;
  prepare_and_train(project);
  for (const char* option : {"--tokens", "--vocabulary"})
    check_refusal(project,
                  {"prepare", "corpus", "--like", "run", "--out", "new", option,
                   option == std::string("--tokens") ? "own" : "full"},
                  {"--like", option});
  std::string config = project.content("run/best/config.json");
  const std::string name = "published-newer";
  config.replace(config.find(name), name.size(), "treebank");
  project.file("run/best/config.json", config);
  check_refusal(project, {"tokenize", "run"}, {"config.json", "'treebank' are no tokens"}, {.input = "mip\n"});
}
