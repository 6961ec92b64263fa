// Results of an experiment that were changed after they were written.

#include "tests/tools/tiny_project.h"

#include <catch2/catch.hpp>

#include <filesystem>

using namespace ethreed;
using Catch::Contains;
using Json = nlohmann::json;
using OrderedJson = nlohmann::ordered_json;

TEST_CASE("an experiment takes no result and no dialogues that were changed, and says which and what to do") {
  const TinyProject project;
  const Json classifier{{"texts", "posts"}, {"buckets", 64}};
  project.file(
      "plan.json",
      Json{{"name", "tiny"},
           {"data", {{"prepare", {{"corpus", "corpus"}, {"labels", "labels.csv"}}}}},
           {"seeds", {1, 2}},
           {"variants",
            {{{"name", "linear"}, {"model", "linear_classifier"}, {"epochs", 1}, {"config", {{"model", classifier}}}}}}}
          .dump());
  const std::vector<std::string> experiment{"experiment", "plan.json", "--out", "out", "--threads", "1"};
  project.must(experiment);
  const std::string name = "out/results/linear-1.json", dialogues = "out/dialogues/linear-1.jsonl";
  const std::string result = project.content(name), lines = project.content(dialogues);
  const std::string tables = project.content("out/tables.md");
  const auto refused = [&](const std::string& file) {
    check_refusal(project, experiment, {file, "was changed after it was written", "remove it", "evaluated again"});
  };

  OrderedJson edited = OrderedJson::parse(result);
  edited["figures"]["accuracy"] = 0.999;
  project.file(name, edited.dump(2) + "\n");
  refused(name);
  edited = OrderedJson::parse(result);
  edited["best_epoch"] = 7;
  project.file(name, edited.dump(2) + "\n");
  refused(name);

  project.file(name, result);
  std::string other = lines;
  const std::size_t digit = other.find_last_of("0123456789");
  other[digit] = other[digit] == '1' ? '0' : '1';
  project.file(dialogues, other);
  refused(dialogues);
  project.file(dialogues, lines);

  // Set otherwise, it says the same; without its fingerprint it is one of an older program.
  project.file(name, OrderedJson::parse(result).dump());
  project.must(experiment);
  CHECK(project.content("out/tables.md") == tables);
  edited = OrderedJson::parse(result);
  edited.erase("fingerprint");
  edited.erase("dialogues_fingerprint");
  project.file(name, edited.dump(2) + "\n");
  project.must(experiment);
  CHECK(project.content("out/tables.md") == tables);

  // What the refusal advises gives the result back.
  project.file(dialogues, other);
  std::filesystem::remove(project / dialogues);
  project.must(experiment);
  CHECK(project.content(name) == result);
  CHECK(project.content(dialogues) == lines);
}
