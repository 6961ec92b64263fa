// MIME by the programs: it learns the sample corpus, and what it prints of it is said twice.

#include "core/safetensors.h"
#include "tests/tools/tiny_project.h"

#include <catch2/catch.hpp>

#include <set>

using namespace ethreed;
using Json = nlohmann::json;

TEST_CASE("MIME learns the sample corpus, says its perplexities twice, replies and leaves a trace") {
  const TinyProject project;
  const std::filesystem::path sources = ETHREED_SOURCE_DIR;
  project.must({"prepare", (sources / "samples/corpus").string(), "--dimension", "16", "--out", "sample"});
  project.file("mime.json", R"({"model": {"name": "mime", "width": 16, "depth": 8, "inner": 8},
                               "training": {"batch": 16, "learning_rate": 0.005, "warm_up_steps": 20}})");
  project.must({"train", "--data", "sample", "--out", "run", "--config", "mime.json", "--max-steps", "10", "--quiet"});
  project.must({"train", "--data", "sample", "--out", "run", "--resume", "--epochs", "2", "--quiet"});
  std::vector<double> perplexities;
  for (const std::string& line : lines_of(project.content("run/log.jsonl")))
    if (const Json entry = Json::parse(line);
        entry.contains("perplexity_token") && entry["perplexity_token"].is_number())
      perplexities.push_back(entry["perplexity_token"]);
  REQUIRE(perplexities.size() == 2);
  CHECK(perplexities[1] < perplexities[0]);
  const Json figures = Json::parse(project.must({"evaluate", "run", "--json"}));
  const double vocabulary = figures["vocabulary"];
  for (const char* name : {"perplexity_token", "perplexity_gold_group", "perplexity_token_at_latent_mean",
                           "perplexity_gold_group_at_latent_mean"}) {
    INFO(name);
    CHECK(figures[name].get<double>() < 0.5 * vocabulary);  // of one that knows nothing it is V
    CHECK(figures[name].get<double>() > 1);
  }
  CHECK(figures["group_accuracy"].get<double>() > 0);
  CHECK(figures["replies"].get<int>() > 0);
  project.file("posts.txt", "my dog ran away and i am sad .\n");
  const Json reply = Json::parse(project.must({"reply", "run", "--in", "posts.txt", "--out", "-", "--quiet"}));
  CHECK(reply.contains("tracked_emotion"));
  project.must({"trace", "--data", "sample", "--out", "trace.safetensors", "--run", "run", "--batch", "2"});
  const SafetensorsFile trace(project / "trace.safetensors");
  const std::vector<std::string> list = trace.names();
  const std::set<std::string> names(list.begin(), list.end());
  for (const char* name : {"param.marks.weight", "grad.decoder.projection.weight", "batch.context_states",
                           "noise.prior_negative", "loss.divergence_positive", "decoder.nll"}) {
    INFO(name);
    CHECK(names.contains(name));
  }
}
