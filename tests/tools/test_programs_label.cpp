// Classifiers of texts as a user runs them: from situations to labels of replies, and back into a data set.

#include "tests/tools/tiny_project.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <sstream>

using namespace ethreed;
using Catch::Contains;

namespace {

std::vector<std::vector<std::string>> rows_of(const std::string& csv) {
  std::vector<std::vector<std::string>> rows;
  for (const std::string& line : lines_of(csv)) {
    std::istringstream stream(line);
    std::vector<std::string>& row = rows.emplace_back();
    for (std::string field; std::getline(stream, field, ',');) row.push_back(field);
  }
  return rows;
}

std::size_t utterances_of(const TinyProject& project) {
  return lines_of(project.content("corpus/train.csv")).size() + lines_of(project.content("corpus/valid.csv")).size() -
         2;
}

void train_classifier(const TinyProject& project, const std::string& run, const std::string& model) {
  project.must({"train", "--data", "data", "--out", run, "--model", model, "--epochs", "2", "--quiet"});
}

}  // namespace

TEST_CASE("label writes a row for every utterance of the corpus, in the format that prepare reads") {
  const TinyProject project;
  project.prepare();
  for (const std::string model : {"linear_classifier", "emotion_classifier"}) {
    INFO(model);
    train_classifier(project, model, model);
    const std::string said = project.must({"label", model, "corpus", "--out", model + ".csv"});
    CHECK_THAT(said, Contains("32 classes of 'emotion'") && Contains(model));
    const auto rows = rows_of(project.content(model + ".csv"));
    CHECK(rows.front() == std::vector<std::string>{"split", "conv_id", "utterance_idx", "label", "probability"});
    CHECK(rows.size() == utterances_of(project) + 1);
    project.must({"prepare", "corpus", "--out", model + "-data", "--labels", model + ".csv", "--label-column",
                  "mine=" + model + ".csv", "--dimension", "8"});
    const auto summary = project.json(model + "-data/summary.json");
    for (const auto& split : summary.at("splits")) CHECK(split.at("labelled_turns") == split.at("turns"));
  }
}

TEST_CASE("what label --distribution wrote is kept by prepare --label-distributions and learned from") {
  const TinyProject project;
  project.prepare();
  train_classifier(project, "texts", "linear_classifier");
  project.must({"label", "texts", "corpus", "--out", "soft.csv", "--distribution"});
  const std::vector<std::string> prepare{
      "prepare", "corpus", "--labels", "soft.csv", "--out", "soft", "--dimension", "8", "--label-distributions"};
  project.must(prepare);
  const auto notes = project.json("soft/summary.json").at("notes");
  const auto kept = std::find_if(notes.begin(), notes.end(),
                                 [](const auto& note) { return note.at("key") == "listener_distributions"; });
  REQUIRE(kept != notes.end());
  CHECK(kept->at("count") == project.json("soft/summary.json").at("listener_labels").at("used_labels"));
  auto config = project.json("small.json");
  config["training"] = {{"listener_distributions", true}};
  project.file("soft.json", config.dump());
  const auto training = [&](const std::string& data, const std::string& run) {
    return std::vector<std::string>{"train",    "--data",    data,       "--out", run,
                                    "--config", "soft.json", "--epochs", "1",     "--quiet"};
  };
  project.must(training("soft", "soft-run"));
  project.must({"train", "--data", "soft", "--out", "hard-run", "--config", "small.json", "--epochs", "1", "--quiet"});
  const auto listener_loss = [&](const std::string& run) {
    const auto rows = rows_of(project.content(run + "/log.csv"));
    const auto column = std::find(rows.front().begin(), rows.front().end(), "loss_emotion_listener");
    REQUIRE(column != rows.front().end());
    return std::stod(rows.back().at(static_cast<std::size_t>(column - rows.front().begin())));
  };
  CHECK(listener_loss("soft-run") > 0);
  CHECK(std::abs(listener_loss("soft-run") - listener_loss("hard-run")) > 1e-4);
  std::filesystem::remove_all(project / "texts");  // large, and every file is compared below
  check_refusal(project, training("data", "none"), {"listener_distributions", "--label-distributions"});
}

TEST_CASE("probabilities that are none are refused with file and line") {
  const TinyProject project;
  project.prepare();
  train_classifier(project, "texts", "linear_classifier");
  project.must({"label", "texts", "corpus", "--out", "soft.csv", "--distribution", "--parties", "listener"});
  std::filesystem::remove_all(project / "texts");  // large, and every file is compared below
  const auto refused = [&](const std::string& file, const std::vector<std::string>& parts) {
    check_refusal(project, {"prepare", "corpus", "--labels", file, "--out", "new", "--label-distributions"}, parts);
  };
  refused("labels.csv", {"labels.csv: lacks 32 of the columns p_EMOTION", "ethreed label --distribution"});
  const std::vector<std::string> lines = lines_of(project.content("soft.csv"));
  const auto write_changed = [&](const std::string& last_field) {
    const std::string row = lines[2].substr(0, lines[2].find_last_of(',') + 1) + last_field;
    project.file("changed.csv", lines[0] + "\n" + lines[1] + "\n" + row + "\n");
  };
  write_changed("much");
  refused("changed.csv", {"changed.csv:3", "is 'much', wanted a probability"});
  write_changed("-0.5");
  refused("changed.csv", {"changed.csv:3", "'-0.5', wanted a probability"});
  write_changed("0.9");
  refused("changed.csv", {"changed.csv:3", "the probabilities sum to", "wanted 1"});
  check_refusal(project, {"prepare", "corpus", "--out", "new", "--label-distributions"}, {"--labels"});
}

TEST_CASE("a file of the corpus is not what a command writes, and stays as it was") {
  const TinyProject project;
  project.prepare();
  train_classifier(project, "texts", "emotion_classifier");
  const std::string before = project.content("corpus/valid.csv");
  const auto refused = [&](const std::vector<std::string>& arguments) {
    check_refusal(project, arguments, {"is read by this command and would be overwritten"});
    CHECK(project.content("corpus/valid.csv") == before);
  };
  refused({"label", "texts", "corpus", "--out", "corpus/valid.csv"});
  refused({"label", "texts", "corpus", "--out", "corpus/../corpus/valid.csv"});
  project.must(project.training("run"));
  refused({"generate", "run", "--corpus", "corpus", "--out", "corpus/valid.csv"});
  refused({"evaluate", "run", "--corpus", "corpus", "--per-dialogue", "corpus/valid.csv"});
  refused({"report", "run", "--corpus", "corpus", "--out", "corpus/valid.csv"});
}

TEST_CASE("label --distribution writes probabilities that sum to one, the label's the largest") {
  const TinyProject project;
  project.prepare();
  train_classifier(project, "run", "linear_classifier");
  project.must({"label", "run", "corpus", "--out", "labels2.csv", "--distribution", "--parties", "listener"});
  const auto rows = rows_of(project.content("labels2.csv"));
  REQUIRE(rows.front().size() == 5 + 32);
  for (std::size_t i = 1; i < rows.size(); ++i) {
    CHECK(std::stoi(rows[i][2]) % 2 == 0);
    double sum = 0, most = 0;
    std::string likeliest;
    for (std::size_t k = 5; k < rows[i].size(); ++k) {
      const double p = std::stod(rows[i][k]);
      sum += p;
      if (p > most) most = p, likeliest = rows.front()[k].substr(2);
    }
    CHECK(std::abs(sum - 1) < 1e-4);
    CHECK(likeliest == rows[i][3]);
    CHECK(std::abs(most - std::stod(rows[i][4])) < 1e-6);
  }
}

TEST_CASE("label says which rows of a corpus are of several lines, and labels their texts as they are") {
  const TinyProject project;
  project.prepare();
  train_classifier(project, "run", "linear_classifier");
  project.file("train.csv",
               "conv_id,utterance\na,\"be strong they said\na,and never give up\"\na,\"well, yes\"\nb,so\n");
  const Outcome outcome = project.ethreed({"label", "run", ".", "--out", "out.csv"});
  CHECK(outcome.exit_code == 0);
  CHECK_THAT(outcome.err, Contains("note: 1 rows are of several lines") && Contains("first train.csv:2"));
}

TEST_CASE("a model that labels no texts, or writes no replies, says so in one line") {
  const TinyProject project;
  project.prepare_and_train();
  train_classifier(project, "labeller", "linear_classifier");
  check_refusal(project, {"label", "run", "corpus", "--out", "x.csv"},
                {"run: is a run of model 'ethreed', which labels no texts"});
  check_refusal(project, {"label", "labeller", "nowhere", "--out", "x.csv"}, {"nowhere: is not a folder"});
  project.must({"label", "labeller/last", "corpus", "--out", "last.csv"});  // a checkpoint is not taken for an encoder
  std::filesystem::remove(project / "labeller/last/state.json");
  check_refusal(project, {"label", "labeller/last", "corpus", "--out", "last.csv"}, {"state.json", "missing"});
  check_refusal(project, {"generate", "labeller"}, {"model 'linear_classifier', which writes no replies"});
  check_refusal(project, {"trace", "--data", "data", "--run", "labeller", "--out", "t.safetensors"},
                {"model 'linear_classifier' has no trace"});
  const Outcome chat = project.ethreed({"chat", "labeller"}, {.input = "hello\n"});
  CHECK(chat.exit_code != 0);
  CHECK_THAT(chat.err, Contains("model 'linear_classifier' writes no replies"));
}
