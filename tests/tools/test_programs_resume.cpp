// Runs that stop, by themselves or by force, and go on.

#include "core/hash.h"
#include "tests/tools/tiny_project.h"

#include <fmt/format.h>
#include <catch2/catch.hpp>

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

using namespace ethreed;
using Catch::Contains;
using Json = nlohmann::json;

namespace {

// Of every line, without what a clock measured.
std::vector<Json> log_of(const TinyProject& project, const std::string& run) {
  std::vector<Json> lines;
  for (const std::string& line : lines_of(project.content(run + "/log.jsonl"))) {
    lines.push_back(Json::parse(line));
    lines.back().erase("tokens_per_second");
    lines.back().erase("seconds");
  }
  return lines;
}

// The same bytes in last/ and best/, the same log, and nothing half-written beside them.
void check_same_run(const TinyProject& project, const std::string& run, const std::string& reference) {
  INFO(run << " against " << reference);
  for (const char* which : {"last", "best"}) {
    INFO(which);
    const Snapshot files = snapshot_of(project / run / which), wanted = snapshot_of(project / reference / which);
    REQUIRE(files.size() == wanted.size());
    for (const auto& [name, content] : wanted) {
      INFO(name);
      CHECK((files.at(name) == content));
    }
  }
  CHECK(log_of(project, run) == log_of(project, reference));
  CHECK(lines_of(project.content(run + "/log.csv")).size() == lines_of(project.content(reference + "/log.csv")).size());
  for (const auto& [name, content] : snapshot_of(project / run))
    CHECK_THAT(name, !Contains(".tmp-") && !Contains(".old"));
}

std::int64_t steps_of(const TinyProject& project, const std::string& run) {
  return project.json(run + "/last/state.json").at("step").get<std::int64_t>();
}

// A training that does not end by itself and prints a line after every step.
std::vector<std::string> endless(const TinyProject& project, const std::string& run,
                                 std::vector<std::string> more = {}) {
  more.insert(more.end(), {"--epochs", "100000", "--log-every", "1"});
  return project.training(run, more);
}

// After a run that was stopped or killed: goes on for some steps and compares with one that was never stopped.
void check_goes_on(const TinyProject& project, const std::string& run) {
  const std::string steps = std::to_string(steps_of(project, run) + 7);
  CHECK_THAT(project.must(endless(project, run, {"--resume", "--max-steps", steps})), Contains("going on after step "));
  project.must(endless(project, "reference", {"--max-steps", steps}));
  check_same_run(project, run, "reference");
}

}  // namespace

TEST_CASE("a run stopped anywhere and resumed ends in the bytes of one that was never stopped") {
  const TinyProject project;
  project.prepare();
  project.must(project.training("whole", {"--epochs", "3"}));
  for (const char* steps :
       {"1", "5", "6", "7", "12", "17"}) {  // epochs end at 6, 12 and 18, lines of the log at even steps
    const std::string run = fmt::format("stopped-{}", steps);
    const std::string output = project.must(project.training(run, {"--epochs", "3", "--max-steps", steps}));
    CHECK_THAT(output, Contains(fmt::format(
                           "stopped after step {} and saved; go on with the same command and --resume\n", steps)));
    CHECK(std::to_string(steps_of(project, run)) == steps);
    project.must(project.training(run, {"--epochs", "3", "--resume", "--threads", "1"}));
    check_same_run(project, run, "whole");
  }
}

TEST_CASE("a run stopped many times is still the same run, and one that is over says so") {
  const TinyProject project;
  project.prepare();
  project.must(project.training("whole"));
  project.must(project.training("often", {"--max-steps", "1"}));
  for (int step = 2; step < 12; ++step)
    project.must(project.training("often", {"--resume", "--max-steps", std::to_string(step)}));
  project.must(project.training("often", {"--resume"}));
  check_same_run(project, "often", "whole");
  const Snapshot before = project.snapshot();
  CHECK(project.must(project.training("often", {"--resume"})) ==
        "often: all 2 epochs are done; raise --epochs to go on\n");
  CHECK((project.snapshot() == before));
}

TEST_CASE("a run that is over goes on when --epochs is raised") {
  const TinyProject project;
  project.prepare();
  project.must(project.training("whole", {"--epochs", "3"}));
  project.must(project.training("raised", {"--epochs", "1"}));
  project.must(project.training("raised", {"--epochs", "3", "--resume"}));
  check_same_run(project, "raised", "whole");
}

TEST_CASE("a checkpoint of format 1, which named no model, is read and resumed to the same bits") {
  const TinyProject project;
  project.prepare();
  project.must(project.training("whole", {"--epochs", "3"}));
  project.must(project.training("old", {"--epochs", "3", "--max-steps", "8"}));
  const std::vector<std::string> evaluation{"evaluate", "old", "--json", "--checkpoint", "last"};
  const auto figures = [&] {
    Json json = Json::parse(project.must(evaluation));
    json.erase("seconds");
    return json;
  };
  const Json before = figures();
  for (const std::string which : {"last", "best"}) {
    const std::string folder = "old/" + which + "/";
    Json config = project.json(folder + "config.json"), state = project.json(folder + "state.json");
    REQUIRE(config.at("format") == 3);
    config["format"] = state["format"] = 1;
    REQUIRE(config.at("model").erase("name") == 1);
    config["data"] = {{"path", (project / "data").string()},
                      {"fingerprint", project.json("data/summary.json").at("fingerprint")}};
    state.at("fingerprints").erase("state.json");
    state.at("running").erase("steps_with");
    const std::string text = config.dump(2) + "\n";
    state.at("fingerprints").at("config.json") = Fingerprint().add(text).text();
    project.file(folder + "config.json", text);
    project.file(folder + "state.json", state.dump(2) + "\n");
  }
  CHECK(figures() == before);
  project.must({"generate", "old", "--limit", "1"});
  CHECK_THAT(project.must(project.training("old", {"--epochs", "3", "--resume"})), Contains("going on after step 8"));
  // best/ is compared, too: the third epoch is better, so that it was written anew.
  check_same_run(project, "old", "whole");
  CHECK(project.json("old/last/config.json").at("format") == 3);
  CHECK(project.json("old/last/config.json").at("model").at("name") == "ethreed");
}

TEST_CASE("SIGTERM and SIGINT save and end with exit code 0, and --resume goes on to the same bits") {
  const int signal = GENERATE(SIGTERM, SIGINT);
  const TinyProject project;
  project.prepare();
  Program program = project.start(endless(project, "run"));
  REQUIRE(program.wait_for("step 4  loss"));
  program.send(signal);
  const Outcome outcome = program.finish();
  CHECK(outcome.exit_code == 0);
  CHECK(outcome.err == "");
  CHECK_THAT(outcome.out,
             Contains(fmt::format("stopped after step {} and saved; go on with the same command and --resume\n",
                                  steps_of(project, "run"))));
  project.must({"evaluate", "run", "--checkpoint", "last"});
  check_goes_on(project, "run");
}

TEST_CASE("a signal while the model is validated loses nothing") {
  const TinyProject project(4, 400);  // one step an epoch: nearly all of the time is validation
  project.prepare();
  Program program = project.start(endless(project, "run"));
  REQUIRE(program.wait_for("epoch 2/100000 valid"));
  program.send(SIGTERM);
  CHECK(program.finish().exit_code == 0);
  check_goes_on(project, "run");
}

TEST_CASE("SIGKILL at any moment leaves a checkpoint that is whole, and --resume goes on to the same bits") {
  const TinyProject project;
  project.prepare();
  for (int kill = 1; kill <= 4; ++kill) {
    std::vector<std::string> more{"--save-every", "1"};  // so that it often strikes while a checkpoint is written
    if (kill > 1) more.emplace_back("--resume");
    const std::int64_t done = kill > 1 ? steps_of(project, "run") : 0;
    Program program = project.start(endless(project, "run", more));
    REQUIRE(program.wait_for(fmt::format(" step {}  loss", done + 2 + kill)));
    program.send(SIGKILL);
    CHECK(program.finish().signal == SIGKILL);
    CHECK(steps_of(project, "run") > done);
    project.must({"evaluate", "run", "--checkpoint", "last"});
  }
  check_goes_on(project, "run");
}

TEST_CASE("a run killed before it saved anything of its own can be resumed from the start") {
  const TinyProject project;
  project.prepare();
  Program program = project.start(endless(project, "run", {"--save-every", "0"}));
  REQUIRE(program.wait_for("decoder.pointer"));
  program.send(SIGKILL);
  CHECK(program.finish().signal == SIGKILL);
  const std::string steps = std::to_string(steps_of(project, "run") + 7);  // mostly 0 + 7
  project.must(endless(project, "run", {"--resume", "--max-steps", steps}));
  project.must(endless(project, "reference", {"--max-steps", steps}));
  check_same_run(project, "run", "reference");
}

TEST_CASE("lines of the table that the log lacks are told of and kept, and an intact log says nothing") {
  const TinyProject project;
  project.prepare();
  const std::vector<std::string> more = project.training("run", {"--resume", "--epochs", "3"});
  project.must(project.training("run"));
  const Outcome intact = project.ethreed(more);
  CHECK_THAT(intact.err, !Contains("NOTE"));
  CHECK_FALSE(std::filesystem::exists(project / "run/log.csv.old"));
  const auto resumed = [&](const std::string& epochs, const std::string& kept) {
    const std::string table = project.content("run/log.csv");
    const Outcome outcome = project.ethreed(project.training("run", {"--resume", "--epochs", epochs}));
    CHECK(outcome.exit_code == 0);
    const auto lines = std::count(table.begin(), table.end(), '\n') - 1;
    CHECK_THAT(outcome.err, Contains(fmt::format("NOTE: run/log.jsonl: lacks {} of the {} lines", lines, lines)) &&
                                Contains("kept as run/" + kept));
    CHECK(project.content("run/" + kept) == table);
    CHECK(lines_of(project.content("run/log.csv")).size() == lines_of(project.content("run/log.jsonl")).size() + 1);
  };
  std::filesystem::remove(project / "run/log.jsonl");
  resumed("4", "log.csv.old");
  project.file("run/log.jsonl", "garbage\n{}\n");
  resumed("5", "log.csv.old-2");
}

TEST_CASE("two processes cannot train one run at a time") {
  const TinyProject project;
  project.prepare();
  Program first = project.start(endless(project, "run"));
  REQUIRE(first.wait_for("step 1  loss"));
  const Outcome second = project.ethreed(endless(project, "run", {"--resume"}));
  CHECK(second.exit_code > 0);
  CHECK_THAT(second.err, Contains("run: another process is training here"));
  CHECK(lines_of(second.err).size() == 1);
  first.send(SIGTERM);
  CHECK(first.finish().exit_code == 0);
}
