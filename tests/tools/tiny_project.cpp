#include "tests/tools/tiny_project.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <sstream>

namespace ethreed {

namespace {

namespace fs = std::filesystem;

constexpr std::array emotions{"joyful", "sad", "proud", "afraid"};
constexpr std::array pets{"Bella", "Rex", "Milo", "Luna"};

// Dialogue i: the speaker tells of a pet, whose name every third dialogue has for itself; the listener repeats it.
std::vector<std::string> dialogue(int i) {
  const auto of = [i](const auto& list, int divisor) {
    return list[static_cast<std::size_t>(i / divisor) % list.size()];
  };
  const std::string start = fmt::format("hit:{}_conv:{}", i, i), emotion = of(emotions, 1);
  const std::string pet = fmt::format("{}{}", of(pets, 4), i % 3 == 0 ? fmt::format("x{}", i) : "");
  std::vector<std::string> rows{
      fmt::format("{},1,{},p,1,Today my dog {} made me feel {}.,,", start, emotion, pet, emotion),
      fmt::format("{},2,{},p,0,Oh what did {} do to make you feel {}?,,", start, emotion, pet, emotion)};
  if (i % 2 == 1) {
    rows.push_back(fmt::format("{},3,{},p,1,It ran in the park_comma_ can you believe it!,,", start, emotion));
    rows.push_back(fmt::format("{},4,{},p,0,I am glad that you told me about the park.,,", start, emotion));
  }
  return rows;
}

std::string split_text(int first, int last) {
  std::string text = "conv_id,utterance_idx,context,prompt,speaker_idx,utterance,selfeval,tags\n";
  for (int i = first; i < last; ++i) text += fmt::format("{}\n", fmt::join(dialogue(i), "\n"));
  return text;
}

std::string labels_text(int dialogues) {
  std::string text = "conv_id,utterance_idx,label\n";
  for (int i = 0; i < dialogues; ++i)
    for (std::size_t reply = 2; reply <= dialogue(i).size(); reply += 2)
      text += fmt::format("hit:{}_conv:{},{},{}\n", i, i, reply,
                          emotions[(static_cast<std::size_t>(i) + reply) % emotions.size()]);
  return text;
}

}  // namespace

Snapshot snapshot_of(const fs::path& folder) {
  Snapshot snapshot;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    snapshot[fs::relative(entry.path(), folder).string()] = entry.is_regular_file() ? content_of(entry.path()) : "";
  return snapshot;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

TinyProject::TinyProject(int train, int valid) {
  fs::create_directory(folder_ / "corpus");
  file("corpus/train.csv", split_text(0, train));
  file("corpus/valid.csv", split_text(train, train + valid));
  file("labels.csv", labels_text(train + valid));
  file("small.json", R"({"model": {"encoder": 8, "global_state": 8, "party_state": 8, "emotion_state": 8,
           "content_state": 8, "decoder_state": 8, "bottleneck": 8}})");
}

Program TinyProject::start(const std::vector<std::string>& arguments, ProgramOptions options) const {
  options.directory = folder_.path();
  return Program(ETHREED_PROGRAM, arguments, options);
}

Outcome TinyProject::ethreed(const std::vector<std::string>& arguments, ProgramOptions options) const {
  return start(arguments, std::move(options)).finish();
}

std::string TinyProject::must(const std::vector<std::string>& arguments, ProgramOptions options) const {
  const Outcome outcome = ethreed(arguments, std::move(options));
  INFO(fmt::format("ethreed {}", fmt::join(arguments, " ")));
  CHECK(outcome.err == "");
  REQUIRE_FALSE(outcome.timed_out);
  REQUIRE(outcome.exit_code == 0);
  return outcome.out;
}

void TinyProject::prepare() const {
  must({"prepare", "corpus", "--out", "data", "--labels", "labels.csv", "--dimension", "8"});
}

std::vector<std::string> TinyProject::training(const std::string& run, const std::vector<std::string>& more) const {
  std::vector<std::string> arguments{"train", "--data", "data", "--out", run, "--config", "small.json", "--batch", "4"};
  for (const char* option : {"--epochs", "--log-every"})
    if (std::find(more.begin(), more.end(), option) == more.end()) arguments.insert(arguments.end(), {option, "2"});
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

void TinyProject::prepare_and_train() const {
  prepare();
  must(training("run"));
}

void check_refusal(const TinyProject& project, const std::vector<std::string>& arguments,
                   const std::vector<std::string>& parts, const ProgramOptions& options) {
  INFO(fmt::format("ethreed {}", fmt::join(arguments, " ")));
  const Snapshot before = project.snapshot();
  const Outcome outcome = project.ethreed(arguments, options);
  INFO(outcome.err);
  CHECK_FALSE(outcome.timed_out);
  CHECK(outcome.signal == 0);
  CHECK(outcome.exit_code > 0);
  CHECK(outcome.out == "");
  CHECK(outcome.err.starts_with("ethreed: "));
  CHECK(std::count(outcome.err.begin(), outcome.err.end(), '\n') == 1);
  CHECK(outcome.err.ends_with('\n'));
  CHECK(outcome.err.size() < 700);
  CHECK(std::none_of(outcome.err.begin(), outcome.err.end(), [](unsigned char c) { return c < ' ' && c != '\n'; }));
  for (const std::string& part : parts) CHECK_THAT(outcome.err, Catch::Contains(part));
  CHECK((project.snapshot() == before));
}

}  // namespace ethreed
