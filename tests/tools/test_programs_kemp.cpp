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
