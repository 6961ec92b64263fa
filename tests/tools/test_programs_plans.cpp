// The plans of `ethreed experiment` in samples/plans.

#include "model/text/emotions.h"
#include "tests/tools/tiny_project.h"

#include <catch2/catch.hpp>

#include <filesystem>

namespace fs = std::filesystem;
using namespace ethreed;
using Catch::Contains;

TEST_CASE("every plan that is shipped can be begun") {
  const TinyProject project;
  const std::vector<std::string> labels = lines_of(project.content("labels.csv"));
  std::string intents = "conv_id,utterance_idx,label\n", soft = labels.front();
  for (const std::string_view name : emotion_names) soft += ",p_" + std::string(name);
  soft += "\n";
  for (std::size_t i = 1; i < labels.size(); ++i) {
    const std::size_t comma = labels[i].rfind(',');
    intents += labels[i].substr(0, comma + 1) + "questioning\n";
    soft += labels[i];
    for (const std::string_view name : emotion_names) soft += labels[i].substr(comma + 1) == name ? ",1" : ",0";
    soft += "\n";
  }
  project.file("intents.csv", intents);
  project.file("soft.csv", soft);
  project.must({"prepare", "corpus", "--labels", "soft.csv", "--label-distributions", "--label-column",
                "intent=intents.csv", "--dimension", "8", "--out", "data"});
  int plans = 0;
  for (const auto& entry : fs::directory_iterator(fs::path(ETHREED_SOURCE_DIR) / "samples/plans")) {
    if (entry.path().filename() == "sample.json") continue;  // it brings its data
    INFO(entry.path());
    const std::string listed =
        project.must({"experiment", entry.path().string(), "--data", "data", "--out", "out", "--dry-run"});
    CHECK_THAT(listed, Contains("not begun"));
    ++plans;
  }
  CHECK(plans == 4);
}
