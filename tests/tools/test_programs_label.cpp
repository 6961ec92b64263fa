// Classifiers of texts as a user runs them: from situations to labels of replies, and back into a data set.

#include "tests/tools/tiny_project.h"

#include <catch2/catch.hpp>

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

TEST_CASE("a file of the corpus is not what a command writes, and stays as it was") {
  const TinyProject project;
  project.prepare();
  train_classifier(project, "texts", "linear_classifier");
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

TEST_CASE("a model that labels no texts, or writes no replies, says so in one line") {
  const TinyProject project;
  project.prepare_and_train();
  train_classifier(project, "labeller", "linear_classifier");
  check_refusal(project, {"label", "run", "corpus", "--out", "x.csv"},
                {"run: is a run of model 'ethreed', which labels no texts"});
  check_refusal(project, {"label", "labeller", "nowhere", "--out", "x.csv"}, {"nowhere: is not a folder"});
  check_refusal(project, {"generate", "labeller"}, {"model 'linear_classifier', which writes no replies"});
  check_refusal(project, {"trace", "--data", "data", "--run", "labeller", "--out", "t.safetensors"},
                {"model 'linear_classifier' has no trace"});
  const Outcome chat = project.ethreed({"chat", "labeller"}, {.input = "hello\n"});
  CHECK(chat.exit_code != 0);
  CHECK_THAT(chat.err, Contains("model 'linear_classifier' writes no replies"));
}
