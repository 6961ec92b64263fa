// EmpHi as a user runs it on the sample corpus: intents of replies from a label column to the reply.

#include "tests/tools/tiny_project.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <set>

using namespace ethreed;
using Catch::Contains;

namespace {

const std::filesystem::path sample = std::filesystem::path(ETHREED_SOURCE_DIR) / "samples" / "corpus";
const std::set<std::string> intents{"agreeing",   "acknowledging", "encouraging", "consoling", "sympathizing",
                                    "suggesting", "questioning",   "wishing",     "neutral"};

}  // namespace

TEST_CASE("EmpHi trains on the sample corpus, stops and goes on, and says by which intents it writes") {
  const TinyProject project;
  project.must({"prepare", sample.string(), "--labels", (sample / "labels.csv").string(), "--label-column",
                "intent=" + (sample / "intents.csv").string(), "--dimension", "12", "--out", "sample"});
  const std::vector<std::string> training{"train",   "--data",          "sample",  "--out",   "run",
                                          "--model", "emphi",           "--batch", "4",       "--epochs",
                                          "1",       "--learning-rate", "0.003",   "--quiet", "--max-steps"};
  const auto until = [&](const std::string& steps, const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments = training;
    arguments.push_back(steps);
    arguments.insert(arguments.end(), more.begin(), more.end());
    project.must(arguments);
  };
  until("20");
  until("40", {"--resume"});
  const auto figures =
      nlohmann::json::parse(project.must({"evaluate", "run", "--checkpoint", "last", "--replies", "8", "--json"}));
  CHECK(figures.at("model") == "emphi");
  for (const char* name : {"perplexity_token", "perplexity_macro", "perplexity_marginal", "perplexity_prior_argmax",
                           "perplexity_gold_intent"}) {
    INFO(name);
    CHECK(figures.at(name).get<double>() > 1);
    CHECK(figures.at(name).get<double>() < figures.at("vocabulary").get<double>());  // it has learned something
  }
  CHECK(figures.at("intent_turns").get<int>() > 0);
  CHECK(figures.at("intent_turns").get<int>() < figures.at("turns").get<int>());
  CHECK(figures.at("intent_accuracy") <= figures.at("intent_accuracy_top_2"));
  CHECK(figures.at("intent_accuracy_top_2") <= figures.at("intent_accuracy_top_3"));

  // Replies: one intent each, drawn, the same ones again with the same seed.
  const std::vector<std::string> generate{"generate", "run", "--checkpoint", "last",
                                          "--limit",  "10",  "--format",     "jsonl"};
  const std::string replies = project.must(generate);
  CHECK(project.must(generate) == replies);
  std::set<std::string> drawn;
  for (const std::string& line : lines_of(replies)) {
    const auto reply = nlohmann::json::parse(line);
    CHECK(intents.contains(reply.at("reply_intent").get<std::string>()));
    CHECK(intents.contains(reply.at("likeliest_intent").get<std::string>()));
    drawn.insert(reply.at("reply_intent").get<std::string>());
  }
  CHECK(drawn.size() > 1);
  std::vector<std::string> likeliest = generate;
  likeliest.insert(likeliest.end(), {"--latent", "mean"});
  for (const std::string& line : lines_of(project.must(likeliest))) {
    const auto reply = nlohmann::json::parse(line);
    CHECK(reply.at("reply_intent") == reply.at("likeliest_intent"));
  }
  const std::string chat = project.must({"chat", "run", "--checkpoint", "last"}, {.input = "My dog is sick.\n"});
  CHECK_THAT(chat, Contains("the reply is: "));
}

TEST_CASE("EmpHi learns the probabilities of intents that a classifier of labelled replies gave every reply") {
  const TinyProject project;
  const auto prepare = [&](const std::string& intents, const std::string& out, const std::vector<std::string>& more) {
    std::vector<std::string> arguments{
        "prepare",        sample.string(),     "--labels", (sample / "labels.csv").string(),
        "--label-column", "intent=" + intents, "--out",    out};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  };
  project.must(prepare((sample / "intents.csv").string(), "labels", {"--dimension", "12"}));
  project.file("classes.json", R"({"model": {"texts": "utterances", "label_set": "intent"}})");
  project.must({"train", "--data", "labels", "--out", "classifier", "--model", "linear_classifier", "--config",
                "classes.json", "--epochs", "2", "--quiet"});
  project.must(
      {"label", "classifier", sample.string(), "--out", "soft.csv", "--distribution", "--parties", "listener"});
  project.must(prepare("soft.csv", "soft", {"--column-distributions", "intent", "--dimension", "12"}));
  const auto summary = project.json("soft/summary.json");
  std::int64_t labelled = 0;
  for (const auto& [name, split] : summary.at("label_columns").at(0).at("splits").items())
    labelled += split.at("labelled_utterances").get<std::int64_t>();
  const auto kept = std::find_if(summary.at("notes").begin(), summary.at("notes").end(),
                                 [](const auto& note) { return note.at("key") == "column_distributions"; });
  REQUIRE(kept != summary.at("notes").end());
  CHECK(kept->at("count") == labelled);

  project.file("soft.json", R"({"training": {"unlabelled": "classifier"}})");
  const auto training = [&](const std::string& data, const std::string& steps) {
    return std::vector<std::string>{"train", "--data",          data,        "--out",   "run",         "--model",
                                    "emphi", "--config",        "soft.json", "--batch", "4",           "--epochs",
                                    "1",     "--learning-rate", "0.003",     "--quiet", "--max-steps", steps};
  };
  check_refusal(project, training("labels", "20"),
                {"'unlabelled' is 'classifier'", "--distribution --parties listener", "--column-distributions intent"});
  project.must(training("soft", "20"));
  std::vector<std::string> on = training("soft", "40");
  on.emplace_back("--resume");
  project.must(on);
  const auto figures = [&](const std::vector<std::string>& more) {
    std::vector<std::string> arguments{"evaluate", "run", "--checkpoint", "last", "--json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return nlohmann::json::parse(project.must(arguments));
  };
  const auto soft = figures({});
  CHECK(soft.at("intent_turns") == soft.at("turns"));
  CHECK(soft.at("intent_accuracy").get<double>() > 0);
  for (const char* name : {"perplexity_marginal", "perplexity_gold_intent"}) {
    CHECK(soft.at(name).get<double>() > 1);
    CHECK(soft.at(name).get<double>() < soft.at("vocabulary").get<double>());
  }
  // Data made for the run keeps them, too; on labels alone the figures are those of the replies that have one.
  project.must(
      prepare("soft.csv", "again", {"--like", "run", "--checkpoint", "last", "--column-distributions", "intent"}));
  CHECK(figures({"--data", "again"}).at("intent_cross_entropy") == soft.at("intent_cross_entropy"));
  const auto hard = figures({"--corpus", sample.string(), "--labels", (sample / "labels.csv").string(),
                             "--label-column", "intent=" + (sample / "intents.csv").string()});
  CHECK(hard.at("intent_turns") < hard.at("turns"));
  CHECK(hard.at("perplexity_marginal") == soft.at("perplexity_marginal"));
}

TEST_CASE("prepare refuses probabilities of a label column that is not given, and files that have none") {
  const TinyProject project;
  check_refusal(project, {"prepare", "corpus", "--out", "new", "--column-distributions", "intent"},
                {"--column-distributions intent: there is no such label column", "--label-column intent=FILE"});
  check_refusal(
      project,
      {"prepare", "corpus", "--out", "new", "--label-column", "intent=labels.csv", "--column-distributions", "intent"},
      {"labels.csv: has no columns p_CLASS", "ethreed label --distribution"});
}

TEST_CASE("EmpHi refuses data without the intents of replies, and says what to bring") {
  const TinyProject project;
  project.prepare();
  check_refusal(project, {"train", "--data", "data", "--out", "run", "--model", "emphi"},
                {"--label-column intent=FILE", "samples/corpus/intents.csv"});
}
