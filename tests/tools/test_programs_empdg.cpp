// EmpDG by the programs: it learns the sample corpus with a lexicon and without, goes on where it stopped, and replies.

#include "tests/tools/tiny_project.h"

#include <catch2/catch.hpp>

using namespace ethreed;
using Catch::Contains;
using Json = nlohmann::json;

namespace {

const std::filesystem::path samples = std::filesystem::path(ETHREED_SOURCE_DIR) / "samples";

}  // namespace

TEST_CASE("EmpDG learns the sample corpus with a lexicon, needs the file no more, and replies in every way") {
  const TinyProject project;
  project.must({"prepare", (samples / "corpus").string(), "--dimension", "8", "--out", "sample"});
  project.file("words.txt", content_of(samples / "lexicon.txt"));
  project.file("empdg.json",
               R"({"model": {"name": "empdg", "width": 8, "depth": 4, "inner": 4, "lexicon": "words.txt"},
                   "training": {"batch": 16, "learning_rate": 0.01, "warm_up_steps": 20}})");
  const std::string said = project.must({"train", "--data", "sample", "--out", "run", "--config", "empdg.json",
                                         "--variant", "lexicon", "--max-steps", "10"});
  CHECK_THAT(said, Contains("variant lexicon") && !Contains("data lexicon"));
  std::filesystem::remove(project / "words.txt");
  project.must({"train", "--data", "sample", "--out", "run", "--resume", "--epochs", "2", "--quiet"});
  std::vector<double> perplexities;
  for (const std::string& line : lines_of(project.content("run/log.jsonl")))
    if (const Json entry = Json::parse(line);
        entry.contains("perplexity_token") && entry["perplexity_token"].is_number())
      perplexities.push_back(entry["perplexity_token"]);
  REQUIRE(perplexities.size() == 2);
  CHECK(perplexities[1] < perplexities[0]);
  const Json figures = Json::parse(project.must({"evaluate", "run", "--json"}));
  CHECK(figures["variant"] == "lexicon");
  CHECK(figures["perplexity_token"] < 0.5 * figures["vocabulary"].get<double>());  // of one that knows nothing it is V
  CHECK(figures["emotion_words_per_turn"] > 0.5);
  CHECK(figures["emotion_words_per_turn"] < 10);
  CHECK(figures["replies"] > 0);
  project.file("posts.txt", "my dog ran away and i am sad .\n");
  for (const char* method : {"greedy", "beam", "sample"}) {
    INFO(method);
    const Json reply =
        Json::parse(project.must({"reply", "run", "--in", "posts.txt", "--out", "-", "--decode", method, "--quiet"}));
    CHECK(reply.contains("tracked_emotion"));
  }
}

TEST_CASE("EmpDG without a lexicon says that its list is the data's, on the emulated device, too") {
  const TinyProject project;
  project.must({"prepare", (samples / "corpus").string(), "--dimension", "8", "--out", "sample"});
  project.file("empdg.json", R"({"model": {"name": "empdg", "width": 8, "depth": 4, "inner": 4}})");
  const std::string said = project.must({"train", "--data", "sample", "--out", "run", "--config", "empdg.json",
                                         "--max-steps", "2", "--batch", "2", "--device", "emulated"});
  CHECK_THAT(said, Contains("variant data_lexicon") && Contains("EmpDG (data lexicon)"));
  const Json figures =
      Json::parse(project.must({"evaluate", "run", "--checkpoint", "last", "--replies", "2", "--json"}));
  CHECK(figures["variant"] == "data_lexicon");
  CHECK(figures["emotion_words_per_turn"] > 0.5);
}

TEST_CASE("EmpDG refuses a lexicon that is missing or no list of words, and leaves nothing behind") {
  const TinyProject project;
  project.prepare();
  const auto refuses = [&](const std::string& config, const std::vector<std::string>& parts) {
    project.file("empdg.json", config);
    check_refusal(project,
                  {"train", "--data", "data", "--out", "run", "--config", "empdg.json", "--variant", "lexicon"}, parts);
  };
  refuses(R"({"model": {"name": "empdg"}})", {"none is named", "saifmohammad.com", "research and education"});
  refuses(R"({"model": {"name": "empdg", "lexicon": "none.txt"}})", {"none.txt", "no file", "saifmohammad.com"});
  project.file("pairs.txt", "good 0.7\n");
  refuses(R"({"model": {"name": "empdg", "lexicon": "pairs.txt"}})",
          {"pairs.txt:1", "good 0.7", "saifmohammad.com", "not to be passed on"});
}
