#include "model/text/corpus.h"
#include "model/text/corpus_emotions.h"
#include "model/text/tokenizer.h"
#include "tests/temporary_folder.h"

#include <fmt/format.h>
#include <catch2/catch.hpp>

#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace {

namespace fs = std::filesystem;
using namespace ethreed;

const fs::path sample = fs::path(ETHREED_SOURCE_DIR) / "samples" / "corpus";
constexpr const char* file_names[] = {"train.csv", "valid.csv", "labels.csv", "intents.csv"};

struct Outcome {
  int status;
  std::string output;  // stdout and stderr
};

Outcome run_generator(const std::string& arguments) {
  const TemporaryFolder folder;
  const fs::path log = folder / "log";
  const int raw =
      std::system(fmt::format("'{}' {} > '{}' 2>&1", ETHREED_SAMPLE_PROGRAM, arguments, log.string()).c_str());
  return {WIFEXITED(raw) ? WEXITSTATUS(raw) : -1, content_of(log)};
}

CorpusSplit split(const std::string& name) {
  std::vector<CorpusSplit> splits{read_corpus_split(sample / (name + ".csv"), name)};
  resolve_emotions(splits);
  return std::move(splits.front());
}

using Counts = std::map<std::string, int>;

Counts word_counts(const CorpusSplit& corpus) {
  Counts counts;
  for (const Dialogue& dialogue : corpus.dialogues) {
    for (const Turn& turn : dialogue.turns) {
      for (const std::string& word : tokenize(turn.post)) ++counts[word];
      for (const std::string& word : tokenize(turn.response)) ++counts[word];
    }
  }
  return counts;
}

int count_of(const Counts& counts, const std::string& word) {
  const auto place = counts.find(word);
  return place == counts.end() ? 0 : place->second;
}

/// The share of replies with a word of their post that the vocabulary (minimum frequency 3 in train) lacks.
double share_that_must_copy(const CorpusSplit& corpus, const Counts& train_counts) {
  int replies = 0;
  int copying = 0;
  for (const Dialogue& dialogue : corpus.dialogues) {
    for (const Turn& turn : dialogue.turns) {
      const std::vector<std::string> post = tokenize(turn.post);
      const std::set<std::string> said(post.begin(), post.end());
      bool copies = false;
      for (const std::string& word : tokenize(turn.response)) {
        copies = copies || (said.contains(word) && count_of(train_counts, word) < 3);
      }
      ++replies;
      copying += copies ? 1 : 0;
    }
  }
  return static_cast<double>(copying) / replies;
}

}  // namespace

TEST_CASE("the generator reproduces the checked-in sample corpus byte for byte") {
  const TemporaryFolder folder;
  const Outcome outcome = run_generator(fmt::format("--out '{}'", folder.path().string()));
  INFO(outcome.output);
  REQUIRE(outcome.status == 0);
  for (const char* name : file_names) {
    INFO(name);
    const std::string checked_in = content_of(sample / name);
    CHECK(!checked_in.empty());
    CHECK(content_of(folder / name) == checked_in);
  }
}

TEST_CASE("another seed gives another sample corpus, and a longer corpus begins with the shorter one") {
  const TemporaryFolder one;
  const TemporaryFolder two;
  REQUIRE(run_generator(fmt::format("--seed 2 --out '{}'", one.path().string())).status == 0);
  REQUIRE(run_generator(fmt::format("--dialogues 2000 --out '{}'", two.path().string())).status == 0);
  const std::string train = content_of(sample / "train.csv");
  CHECK(content_of(one / "train.csv") != train);
  CHECK(content_of(two / "train.csv").starts_with(train));
}

TEST_CASE("the sample corpus has all 32 emotions in both splits, and dialogues of one, two and three turns") {
  CHECK(split("train").dialogues.size() >= 400);
  CHECK(split("valid").dialogues.size() >= 80);
  for (const char* name : {"train", "valid"}) {
    INFO(name);
    const CorpusSplit corpus = split(name);
    std::set<std::int32_t> emotions;
    std::set<std::size_t> lengths;
    for (const Dialogue& dialogue : corpus.dialogues) {
      emotions.insert(dialogue.emotion);
      lengths.insert(dialogue.turns.size());
    }
    CHECK(std::ssize(emotions) == emotion_count);
    CHECK(lengths == std::set<std::size_t>{1, 2, 3});
    CHECK(corpus.dropped_posts > 0);
    CHECK(corpus.repeated_speaker_rows == 0);
  }
}

TEST_CASE("at least a third of the sample's replies repeat a word of the post that the vocabulary lacks") {
  const Counts counts = word_counts(split("train"));
  CHECK(share_that_must_copy(split("train"), counts) > 1.0 / 3);
  CHECK(share_that_must_copy(split("valid"), counts) > 1.0 / 3);
}

TEST_CASE("every listener utterance of the sample has a label that is an emotion") {
  std::set<std::string> listener_rows;
  for (const char* name : {"train.csv", "valid.csv"}) {
    std::ifstream rows(sample / name);
    std::string line;
    std::getline(rows, line);
    while (std::getline(rows, line)) {
      const std::size_t id_end = line.find(',');
      const std::size_t index_end = line.find(',', id_end + 1);
      const int index = std::stoi(line.substr(id_end + 1, index_end - id_end - 1));
      if (index % 2 == 0) listener_rows.insert(line.substr(0, index_end));
    }
  }
  std::ifstream labels(sample / "labels.csv");
  std::string line;
  std::getline(labels, line);
  CHECK(line == "conv_id,utterance_idx,label");
  std::set<std::string> labelled;
  while (std::getline(labels, line)) {
    const std::size_t comma = line.rfind(',');
    INFO(line);
    CHECK(emotion_id(line.substr(comma + 1)).has_value());
    labelled.insert(line.substr(0, comma));
  }
  CHECK(labelled == listener_rows);
}

TEST_CASE("most replies of the sample have an intent, all nine of them occur, and no utterance of a speaker has one") {
  std::ifstream intents(sample / "intents.csv");
  std::string line;
  std::getline(intents, line);
  CHECK(line == "conv_id,utterance_idx,label");
  Counts counts;
  int rows = 0;
  while (std::getline(intents, line)) {
    const std::size_t first = line.find(','), second = line.rfind(',');
    CHECK(std::stoi(line.substr(first + 1)) % 2 == 0);
    ++counts[line.substr(second + 1)];
    ++rows;
  }
  for (const char* name : {"agreeing", "acknowledging", "encouraging", "consoling", "sympathizing", "suggesting",
                           "questioning", "wishing", "neutral"}) {
    INFO(name);
    CHECK(count_of(counts, name) >= 30);
  }
  CHECK(counts.size() == 9);
  int replies = 0;
  for (const char* name : {"train", "valid"})
    for (const Dialogue& dialogue : split(name).dialogues) replies += static_cast<int>(dialogue.turns.size());
  CHECK(rows > replies * 9 / 10);
  CHECK(rows < replies);
}

TEST_CASE("the generator refuses a directory that cannot be made, in one line and with a status other than 0") {
  const TemporaryFolder folder;
  const fs::path file = folder / "file";
  std::ofstream(file) << "not a directory";
  const Outcome outcome = run_generator(fmt::format("--out '{}'", (file / "corpus").string()));
  CHECK(outcome.status == 1);
  CHECK(outcome.output.find(file.string()) != std::string::npos);
  CHECK(std::count(outcome.output.begin(), outcome.output.end(), '\n') == 1);
}
