// EmpHi as a user runs it on the sample corpus: intents of replies from a label column to the reply.

#include "tests/tools/tiny_project.h"

#include <catch2/catch.hpp>

#include <array>
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

TEST_CASE("EmpHi refuses data without the intents of replies, and says what to bring") {
  const TinyProject project;
  project.prepare();
  check_refusal(project, {"train", "--data", "data", "--out", "run", "--model", "emphi"},
                {"--label-column intent=FILE", "samples/corpus/intents.csv"});
}
