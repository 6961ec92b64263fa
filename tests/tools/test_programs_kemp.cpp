// KEMP by the programs: with the sample corpus and the sample's knowledge it trains, stops, goes on, evaluates and
// replies, whatever became of the files; without knowledge it says that it is not KEMP.

#include "tests/tools/tiny_project.h"

#include <catch2/catch.hpp>

using namespace ethreed;
using Catch::Contains;
using Json = nlohmann::json;

namespace {

const std::filesystem::path samples = std::filesystem::path(ETHREED_SOURCE_DIR) / "samples";

void prepare_sample(const TinyProject& project) {
  project.must({"prepare", (samples / "corpus").string(), "--dimension", "8", "--out", "sample"});
}

constexpr const char* keys =
    R"({"model": {"name": "kemp", "width": 8, "depth": 4, "inner": 4, "knowledge": "concept_map"},
        "training": {"lexicon": "lexicon.txt", "concepts": "concepts.txt", "batch": 16, "learning_rate": 0.01,
                     "warm_up_steps": 20}})";

}  // namespace

TEST_CASE("KEMP learns the sample corpus with the sample's knowledge, and carries it from the first checkpoint on") {
  const TinyProject project;
  prepare_sample(project);
  for (const char* name : {"lexicon.txt", "concepts.txt"})
    std::filesystem::copy_file(samples / "knowledge" / name, project / name);
  project.file("kemp.json", keys);
  const std::string said =
      project.must({"train", "--data", "sample", "--out", "run", "--config", "kemp.json", "--max-steps", "10"});
  CHECK_THAT(said, Contains("variant kemp (concept map)") && Contains("test contexts"));
  // From here on the checkpoint has what the files said.
  for (const char* name : {"lexicon.txt", "concepts.txt"}) std::filesystem::remove(project / name);
  project.must({"train", "--data", "sample", "--out", "run", "--resume", "--epochs", "2", "--quiet"});
  const Json figures = Json::parse(project.must({"evaluate", "run", "--json"}));
  CHECK(figures["variant"] == "kemp (concept map)");
  CHECK(figures["perplexity_token"] < 0.5 * figures["vocabulary"].get<double>());  // of one that knows nothing it is V
  CHECK(figures["concepts_per_reply"] > 1);
  CHECK(figures["replies"] > 0);
  project.file("posts.txt", "my dog ran away and i am sad .\n");
  for (const char* method : {"greedy", "beam", "sample"}) {
    INFO(method);
    const Json reply =
        Json::parse(project.must({"reply", "run", "--in", "posts.txt", "--out", "-", "--decode", method, "--quiet"}));
    CHECK(reply.contains("tracked_emotion"));
  }
  check_refusal(project, {"train", "--data", "sample", "--out", "other", "--config", "kemp.json"},
                {"lexicon.txt", "nrc-vad", "non-commercial research"});
  // Where it looked: over CLS and the words, SEP and their concepts. There is no coverage.
  project.file("unknown.txt", "my dog zorblax ran away .\n");
  project.must({"attention", "run", "--in", "unknown.txt", "--out", "looked.jsonl", "--html", "looked.html"});
  const Json looked = project.json("looked.jsonl");
  const Json& source = looked.at("source");
  REQUIRE(source.size() >= 8);
  CHECK(source[0].at("word") == "<cls>");
  CHECK(source[1].at("word") == "my");
  CHECK(source[3].at("word") == "zorblax");
  CHECK(source[3].at("unknown") == true);
  CHECK(source[0].at("unknown") == false);
  CHECK(source[7].at("word") == "<sep>");
  REQUIRE(looked.at("steps").size() > 0);
  for (const Json& step : looked["steps"]) {
    double sum = 0;
    for (const Json& x : step.at("attention")) sum += x.get<double>();
    CHECK(step["attention"].size() == source.size());
    CHECK(sum == Approx(1).margin(1e-4));
    CHECK_FALSE(step.contains("coverage"));
  }
  CHECK_THAT(project.content("looked.html"), Contains("&lt;sep&gt;") && Contains(">zorblax<") && !Contains("coverage"));
  const Json record = Json::parse(project.must({"reply", "run", "--in", "unknown.txt", "--out", "-", "--quiet"}));
  CHECK(record.at("copied_words").is_array());
  CHECK(record.at("generation_gates").size() + (record.at("ended") == true ? 1U : 0U) == looked["steps"].size());
  CHECK(figures.contains("replies_with_copied_word"));
}

TEST_CASE("KEMP and EmpDG without copying are refused where a pointer is asked for, with the key that gives one") {
  const TinyProject project;
  prepare_sample(project);
  project.file("post.txt", "my dog ran away .\n");
  for (const char* model : {"kemp", "empdg"}) {
    project.file("plain.json", R"({"model": {"width": 8, "depth": 4, "inner": 4, "copy": false}})");
    project.must({"train", "--data", "sample", "--out", model, "--model", model, "--config", "plain.json",
                  "--max-steps", "1", "--batch", "2", "--quiet"});
    check_refusal(project, {"attention", model, "--checkpoint", "last", "--in", "post.txt", "--out", "a.jsonl"},
                  {std::string("model '") + model + "'", "no pointer", "model key 'copy'"});
    const Json record = Json::parse(
        project.must({"reply", model, "--checkpoint", "last", "--in", "post.txt", "--out", "-", "--quiet"}));
    CHECK_FALSE(record.contains("copied_words"));
  }
}

TEST_CASE("KEMP without knowledge says loudly that it is not KEMP, and trains on a device, too") {
  const TinyProject project;
  prepare_sample(project);
  const std::string said = project.must(
      {"train", "--data", "sample", "--out", "run", "--model", "kemp", "--max-steps", "2", "--batch", "2"});
  CHECK_THAT(said, Contains("variant kemp (no knowledge)") && Contains("NOT KEMP"));
  CHECK_THAT(project.must({"evaluate", "run", "--checkpoint", "last", "--replies", "2"}),
             Contains("kemp (no knowledge)"));
  for (const char* name : {"lexicon.txt", "concepts.txt"})
    std::filesystem::copy_file(samples / "knowledge" / name, project / name);
  project.file("kemp.json", keys);
  project.must({"train", "--data", "sample", "--out", "emulated", "--config", "kemp.json", "--max-steps", "2",
                "--batch", "2", "--device", "emulated", "--quiet"});
}
