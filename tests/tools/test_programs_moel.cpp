// MoEL by the programs: it learns the sample corpus, goes on where it stopped, and replies.

#include "tests/tools/tiny_project.h"

#include <catch2/catch.hpp>

using namespace ethreed;
using Json = nlohmann::json;

TEST_CASE("MoEL learns the sample corpus, on the emulated device as on the CPU, and replies in every way") {
  const TinyProject project;
  const std::filesystem::path sources = ETHREED_SOURCE_DIR;
  project.must({"prepare", (sources / "samples/corpus").string(), "--dimension", "8", "--out", "sample"});
  project.file("moel.json", R"({"model": {"name": "moel", "width": 8, "depth": 4, "inner": 4},
                               "training": {"batch": 16, "learning_rate": 0.01, "warm_up_steps": 20}})");
  project.must({"train", "--data", "sample", "--out", "run", "--config", "moel.json", "--max-steps", "10", "--quiet"});
  project.must({"train", "--data", "sample", "--out", "run", "--resume", "--epochs", "2", "--quiet"});
  std::vector<double> perplexities;
  for (const std::string& line : lines_of(project.content("run/log.jsonl")))
    if (const Json entry = Json::parse(line);
        entry.contains("perplexity_token") && entry["perplexity_token"].is_number())
      perplexities.push_back(entry["perplexity_token"]);
  REQUIRE(perplexities.size() == 2);
  CHECK(perplexities[1] < perplexities[0]);
  const Json figures = Json::parse(project.must({"evaluate", "run", "--json"}));
  CHECK(figures["perplexity_token"] < 0.5 * figures["vocabulary"].get<double>());  // of one that knows nothing it is V
  CHECK(figures["speaker_accuracy_top_5"] >= figures["speaker_accuracy_top_3"]);
  CHECK(figures["speaker_accuracy_top_3"] >= figures["speaker_accuracy"]);
  CHECK(figures["replies"] > 0);
  project.file("posts.txt", "my dog ran away and i am sad .\n");
  for (const char* method : {"greedy", "beam", "sample"}) {
    INFO(method);
    const Json reply =
        Json::parse(project.must({"reply", "run", "--in", "posts.txt", "--out", "-", "--decode", method, "--quiet"}));
    CHECK(reply.contains("tracked_emotion"));
  }
  // A step that reads logits in its middle is recorded as graphs on a device.
  project.must({"train", "--data", "sample", "--out", "emulated", "--config", "moel.json", "--max-steps", "2",
                "--batch", "2", "--device", "emulated", "--quiet"});
}
