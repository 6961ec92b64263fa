// `ethreed experiment`: plans, what comes of them, and what is left when they are stopped.

#include "core/philox.h"
#include "tests/tools/tiny_project.h"

#include <fmt/format.h>
#include <catch2/catch.hpp>

#include <chrono>
#include <cmath>
#include <csignal>
#include <set>
#include <string>
#include <thread>
#include <vector>

using namespace ethreed;
using Catch::Contains;
using Json = nlohmann::json;

namespace {

namespace fs = std::filesystem;

// Two systems that write replies and a classifier, two seeds each, on the corpus of the project.
Json tiny_plan() {
  const Json sizes{{"encoder", 8}, {"decoder_state", 8}, {"bottleneck", 8}};
  Json ethreed = sizes, hred = sizes;
  for (const char* key : {"global_state", "party_state", "emotion_state", "content_state"}) ethreed[key] = 8;
  hred["context_state"] = 8;
  return {
      {"name", "tiny"},
      {"data", {{"prepare", {{"corpus", "corpus"}, {"labels", "labels.csv"}, {"dimension", 8}}}}},
      {"seeds", {1, 2}},
      {"variants",
       {{{"name", "ours"}, {"title", "ETHREED"}, {"model", "ethreed"}, {"epochs", 3}, {"config", {{"model", ethreed}}}},
        {{"name", "hred"}, {"model", "hred"}, {"epochs", 2}, {"config", {{"model", hred}}}},
        {{"name", "linear"},
         {"model", "linear_classifier"},
         {"epochs", 2},
         {"seeds", {5}},
         {"note", "knows no replies"},
         {"config", {{"model", {{"texts", "posts"}, {"buckets", 64}}}}}}}},
      {"columns",
       {{{"heading", "Acc"}, {"figures", {"speaker_accuracy", "accuracy"}}},
        {{"heading", "PPL"}, {"figures", {"perplexity_macro"}}, {"decimals", 2}},
        {{"heading", "D-1"}, {"figures", {"distinct_1"}}, {"decimals", 2}}}},
      {"published",
       {{{"title", "Somebody"}, {"figures", {{"Acc", 0.25}, {"parameters", 2000000}}}, {"note", "elsewhere"}}}},
      {"bootstrap", {{"resamples", 50}}}};
}

void write_plan(const TinyProject& project, const Json& plan) { project.file("plan.json", plan.dump()); }

std::vector<std::string> experiment(const std::string& out, const std::vector<std::string>& more = {}) {
  std::vector<std::string> arguments{"experiment", "plan.json", "--out", out, "--threads", "2"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

// Tables and results, without what a clock measured.
Snapshot results_of(const TinyProject& project, const std::string& out) {
  Snapshot kept;
  for (const auto& [name, content] : snapshot_of(project / out))
    if ((name.starts_with("tables") && !name.starts_with("tables-times")) || name.starts_with("results/") ||
        name.starts_with("dialogues/"))
      kept[name] = content;
  return kept;
}

void check_same_results(const TinyProject& project, const std::string& out, const std::string& reference) {
  const Snapshot mine = results_of(project, out), wanted = results_of(project, reference);
  REQUIRE(wanted.size() == 4 + 2 * 5);  // tables; a result and a file of dialogues a run
  REQUIRE(mine.size() == wanted.size());
  for (const auto& [name, content] : wanted) {
    INFO(name);
    CHECK((mine.at(name) == content));
  }
  for (const auto& [name, content] : snapshot_of(project / out))
    CHECK_THAT(name, !Contains(".tmp-") && !Contains(".part") && !Contains(".old"));
}

// The plan with this change.
void check_plan_refused(const TinyProject& project, const Json& change, const std::vector<std::string>& parts) {
  Json plan = tiny_plan();
  plan.merge_patch(change);
  write_plan(project, plan);
  check_refusal(project, experiment("out"), parts);
}

}  // namespace

TEST_CASE("an experiment trains and evaluates every variant with every seed, and puts them into tables") {
  const TinyProject project;
  write_plan(project, tiny_plan());
  const std::string said = project.must(experiment("out"));
  CHECK_THAT(said, Contains("5 of 5 runs are done"));
  const std::string table = project.content("out/tables.md");
  CHECK_THAT(table,
             Contains("| ETHREED | 2 |") && Contains("| linear | 1 |") && Contains("| Somebody (published) | – |"));
  CHECK_THAT(table, Contains("Differences from ETHREED") && Contains("knows no replies") && Contains("elsewhere"));
  CHECK_THAT(project.content("out/tables.tex"), Contains("\\begin{tabular}") && Contains(" $\\pm$ "));
  CHECK(lines_of(project.content("out/tables.csv")).size() == 1 + 3 + 1);
  CHECK(lines_of(project.content("out/tables-times.csv")).size() == 1 + 3);

  // What the tables say is what `evaluate` says of the runs.
  const Json tables = project.json("out/tables.json");
  const Json ours = tables["systems"][0], linear = tables["systems"][2];
  for (const auto& [heading, figure] :
       {std::pair("Acc", "speaker_accuracy"), std::pair("PPL", "perplexity_macro"), std::pair("D-1", "distinct_1")}) {
    INFO(heading);
    double sum = 0;
    for (std::size_t i = 0; i < 2; ++i) {
      const std::string run = fmt::format("out/runs/ours-{}", i + 1);
      const double value = Json::parse(project.must({"evaluate", run, "--json"}))[figure].get<double>();
      CHECK(ours["figures"][heading]["values"][i].get<double>() == value);
      sum += value;
    }
    CHECK(ours["figures"][heading]["mean"].get<double>() == Approx(sum / 2));
  }
  CHECK(linear["figures"].contains("Acc"));
  CHECK_FALSE(linear["figures"].contains("PPL"));
  CHECK(ours["best_epochs"].size() == 2);
  // The first system is what the others are compared with; the classifier has the same dialogues.
  CHECK_FALSE(ours["figures"]["Acc"].contains("difference"));
  const Json difference = linear["figures"]["Acc"]["difference"];
  CHECK(difference["value"].get<double>() ==
        Approx(linear["figures"]["Acc"]["mean"].get<double>() - ours["figures"]["Acc"]["mean"].get<double>()));
  CHECK(difference["dialogues"][0].get<double>() <= difference["value"].get<double>());
  CHECK(difference["dialogues"][1].get<double>() >= difference["value"].get<double>());

  // One run says nothing of the spread of seeds: no second interval, and no star. HRED cannot copy, so that its share
  // of unknown words is another, and its perplexity claims nothing.
  CHECK(difference["dialogues_and_seeds"][0].is_null());
  const std::string row = table.substr(table.rfind("| linear |"));
  CHECK_THAT(row.substr(0, row.find('\n')), Contains("] – |") && !Contains("*"));
  CHECK_THAT(table, Contains("Perplexities do not compare with those of ETHREED") && Contains("for hred, linear"));

  // A result has the curve of its run, as the log has it.
  const Json curve = project.json("out/results/ours-1.json")["validation"];
  REQUIRE(curve.size() == 3);
  std::vector<Json> epochs;
  for (const std::string& line : lines_of(project.content("out/runs/ours-1/log.jsonl")))
    if (const Json one = Json::parse(line); one["kind"] == "epoch") epochs.push_back(one);
  REQUIRE(epochs.size() == 3);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK_FALSE(curve[i].contains("seconds"));
    for (const auto& [key, value] : curve[i].items()) CHECK(epochs[i][key] == value);
    for (const char* key : {"epoch", "loss_total", "speaker_accuracy", "perplexity_macro"})
      CHECK(curve[i].contains(key));
  }

  // Nothing is left to do, and nothing changes.
  const Snapshot before = results_of(project, "out");
  CHECK_THAT(project.must(experiment("out")), Contains("5 of 5 runs are done") && !Contains("training"));
  CHECK((results_of(project, "out") == before));

  // What is trained and not evaluated takes no training's time.
  fs::remove_all(project / "out/results");
  const std::string again = project.must(experiment("out"));
  for (const int done : {1, 2, 3, 4}) CHECK_THAT(again, Contains(fmt::format("done, {} of 5 runs, 0:00 left", done)));
  CHECK((results_of(project, "out") == before));

  // A figure that one run lacks is a mean over the others, and that is said.
  const std::string kept = project.content("out/results/ours-2.json");
  Json without = Json::parse(kept);
  without.merge_patch({{"fingerprint", nullptr}, {"figures", {{"perplexity_macro", nullptr}}}});  // takes both away
  project.file("out/results/ours-2.json", without.dump());
  project.must(experiment("out"));
  CHECK_THAT(project.content("out/tables.md"),
             Contains("(1 of 2 runs)") && Contains("PPL of ETHREED: 1 of 2 runs have it") && Contains("ours-2"));
  project.file("out/results/ours-2.json", kept);

  // A figure that no run has is named: it may be misspelt.
  Json plan = tiny_plan();
  plan["columns"][2]["figures"] = {"distnct_1"};
  write_plan(project, plan);
  project.must(experiment("out"));
  CHECK_THAT(project.content("out/tables.md"), Contains("- D-1: no run that is done has distnct_1"));
}

TEST_CASE("an experiment killed and stopped at any moment ends with the tables of one that was not") {
  const TinyProject project;
  write_plan(project, tiny_plan());
  project.must(experiment("reference"));
  // What is awaited says that there is something to lose; what follows within the next moments is left to chance.
  const std::vector<std::pair<int, std::string>> ends{
      {SIGKILL, " with "}, {SIGINT, "trained, best"}, {SIGKILL, ": done, "}};
  const PhiloxStream random(7, 0);
  std::uint64_t made = 0;
  for (const auto& [signal, awaited] : ends) {
    INFO(awaited);
    Program program = project.start(experiment("out", {"--jobs", std::to_string(1 + made % 2)}));
    REQUIRE(program.wait_for(awaited));
    std::this_thread::sleep_for(std::chrono::milliseconds(random.below(60, made++)));
    program.send(signal);
    const Outcome outcome = program.finish();
    INFO(outcome.err);
    if (signal == SIGKILL)
      CHECK(outcome.signal == SIGKILL);
    else
      CHECK_THAT(outcome.out, Contains("stopped; go on with the same command"));
  }
  project.must(experiment("out"));
  check_same_results(project, "out", "reference");
}

TEST_CASE("a run that fails harms no other, the program says which, and why") {
  const TinyProject project;
  write_plan(project, tiny_plan());
  // A checkpoint is damaged as by a bad disk: it cannot be evaluated.
  project.must(experiment("out", {"--only", "hred"}));
  fs::remove(project / "out/results/hred-1.json");
  project.file("out/runs/hred-1/best/model.safetensors", "no tensors");
  const Outcome outcome = project.ethreed(experiment("out", {"--only", "hred,linear"}));
  CHECK(outcome.exit_code == 1);
  CHECK_THAT(outcome.err, Contains("1 of the runs failed: hred-1"));
  CHECK(lines_of(outcome.err).size() == 1);
  CHECK_THAT(outcome.out,
             Contains("hred-1: FAILED: its evaluation ended with status 1") && Contains("model.safetensors"));
  CHECK(fs::exists(project / "out/results/linear-5.json"));
  CHECK(fs::exists(project / "out/results/hred-2.json"));
  CHECK_FALSE(fs::exists(project / "out/results/hred-1.json"));
}

TEST_CASE("runs_of evaluates the runs of another variant in another way, and trains nothing") {
  const TinyProject project;
  Json plan = tiny_plan();
  const Json ours = plan["variants"][0];
  plan.erase("published");
  plan["columns"] = Json::array({Json{{"heading", "PPL"}, {"figures", {"perplexity_token"}}, {"decimals", 6}}});
  plan["variants"] = Json::array({ours,
                                  {{"name", "mean"}, {"runs_of", "ours"}, {"evaluate", {{"latent", "mean"}}}},
                                  {{"name", "other"}, {"runs_of", "ours"}, {"evaluate", {{"latent", "shuffled"}}}}});
  write_plan(project, plan);
  CHECK_THAT(project.must(experiment("out", {"--dry-run"})), Contains("evaluation of ours-1, not begun"));
  CHECK_THAT(project.ethreed(experiment("out", {"--only", "mean"})).err, Contains("mean-1"));
  project.must(experiment("out", {"--jobs", "3"}));
  std::size_t folders = 0;
  for (const auto& entry : fs::directory_iterator(project / "out/runs")) folders += entry.is_directory();
  CHECK(folders == ours.value("seeds", plan["seeds"]).size());
  const Json tables = project.json("out/tables.json");
  REQUIRE(tables["systems"].size() == 3);
  for (const Json& system : tables["systems"]) {
    const std::string latent = system["name"] == "ours" ? "sample" : system["name"] == "mean" ? "mean" : "shuffled";
    const Json printed =
        Json::parse(project.must({"evaluate", "out/runs/ours-1", "--data", "out/data", "--json", "--latent", latent}));
    CHECK(system["figures"]["PPL"]["values"][0] == printed["perplexity_token"]);
  }
  // Both intervals are of pairs: that one seed is better than another makes the difference no less sure.
  const Json& difference = tables["systems"][2]["figures"]["PPL"]["difference"];
  CHECK(difference["value"].get<double>() == Approx(tables["systems"][2]["figures"]["PPL"]["mean"].get<double>() -
                                                    tables["systems"][0]["figures"]["PPL"]["mean"].get<double>()));
  CHECK_THAT(project.content("out/tables.md"), Contains("other: the runs of ours, evaluated with --latent=shuffled"));
  CHECK(project.must(experiment("out")).find("training") == std::string::npos);
  const auto change = [&](const Json& variant, const std::vector<std::string>& parts) {
    Json changed = plan;
    changed["variants"][2] = variant;
    write_plan(project, changed);
    check_refusal(project, experiment("other"), parts);
  };
  change({{"name", "x"}, {"runs_of", "mean"}}, {"variant 'x'", "runs_of", "'mean'"});
  change({{"name", "x"}, {"runs_of", "ours"}, {"epochs", 2}}, {"variant 'x'", "epochs"});
  change({{"name", "x"}, {"runs_of", "ours"}, {"evaluate", {{"latnet", "mean"}}}}, {"variant 'x': evaluate", "latnet"});
}

TEST_CASE("a dry run lists the runs and writes nothing, and --only chooses variants") {
  const TinyProject project;
  write_plan(project, tiny_plan());
  const Snapshot before = project.snapshot();
  const std::string listed = project.must(experiment("out", {"--dry-run"}));
  CHECK(lines_of(listed).size() == 5);
  CHECK_THAT(listed, Contains("ours-1") && Contains("not begun, 9 steps") && Contains("linear-5"));
  CHECK((project.snapshot() == before));
  CHECK_THAT(project.must(experiment("out", {"--only", "linear"})), Contains("1 of 5 runs are done"));
  CHECK_THAT(project.must(experiment("out", {"--dry-run"})),
             Contains("linear-5  linear_classifier, variant bigrams, seed 5, 2 epochs: done"));
  check_refusal(project, experiment("out", {"--only", "linaer"}), {"linaer", "ours, hred, linear"});
}

TEST_CASE("a variant that the data has nothing for is refused, and is no matter where --only chooses others") {
  const TinyProject project;
  Json plan = tiny_plan();
  plan["variants"].push_back({{"name", "intents"}, {"model", "emphi"}});
  write_plan(project, plan);
  check_refusal(project, experiment("out"), {"intents", "--label-column intent"});
  check_refusal(project, experiment("out", {"--only", "linear,intents"}), {"--label-column intent"});
  CHECK_THAT(project.must(experiment("out", {"--only", "linear"})), Contains("1 of 5 runs are done"));
}

TEST_CASE("a mistake in a plan is refused by name before anything runs") {
  const TinyProject project;
  check_plan_refused(project, {{"seed", 1}}, {"plan.json", "no key 'seed'", "seeds"});
  check_plan_refused(project, {{"seeds", {1, 1}}}, {"seeds: 1 stands there twice"});
  check_plan_refused(project, {{"seeds", {1, -1}}}, {"seeds", "-1"});
  check_plan_refused(project, {{"seeds", "1"}}, {"seeds", "a list"});
  check_plan_refused(project, {{"variants", Json::array()}}, {"variants", "one variant or more"});
  check_plan_refused(project, {{"data", nullptr}}, {"--data DIR"});
  check_plan_refused(project, {{"data", "nowhere"}}, {"nowhere"});
  check_plan_refused(project, {{"data", {{"prepare", {{"corpus", "corpus"}, {"dimensoin", 8}}}}}},
                     {"data: prepare", "dimensoin"});
  check_plan_refused(project, {{"data", {{"prepare", {{"dimension", "much"}}}}}}, {"dimension"});
  check_plan_refused(project, {{"evaluate", {{"splitt", "valid"}}}}, {"evaluate", "splitt"});
  check_plan_refused(project, {{"evaluate", {{"split", "tets"}}}}, {"evaluate", "tets"});
  check_plan_refused(project, {{"evaluate", {{"split", "test"}}}}, {"test"});
  check_plan_refused(project, {{"evaluate", {{"importance_samples", 10}}}}, {"importance_samples", "no variant"});
  check_plan_refused(project, {{"evaluate", {{"latent", "shuffled"}}}}, {"variant 'hred'", "plan the emotion"});
  check_plan_refused(project, {{"published", {{{"title", "X"}, {"figures", {{"F1", 1}}}}}}}, {"published[0]", "F1"});
  check_plan_refused(project, {{"columns", {{{"heading", "Acc"}}}}}, {"columns[0]", "figures"});
  check_plan_refused(project, {{"columns", {{{"heading", "Acc"}, {"figures", Json::array()}}}}}, {"an empty one"});
  check_plan_refused(project, {{"columns", {{{"heading", "epochs"}, {"figures", {"distinct_1"}}}}}},
                     {"columns[0]", "'epochs'", "give another"});
  check_plan_refused(project, {{"bootstrap", {{"resamples", 1}}}}, {"bootstrap", "resamples"});
  const auto change_variant = [&](const Json& change, const std::vector<std::string>& parts) {
    Json variants = tiny_plan()["variants"];
    variants[1].merge_patch(change);
    check_plan_refused(project, {{"variants", variants}}, parts);
  };
  change_variant({{"epoch", 2}}, {"variants[1]", "epoch"});
  change_variant({{"name", "ours"}}, {"variant 'ours'", "twice"});
  change_variant({{"name", "../x"}}, {"variants[1]", "name"});
  change_variant({{"model", "hread"}}, {"variant 'hred'", "hread"});
  change_variant({{"variant", "vhread"}}, {"variant 'hred'", "vhread"});
  change_variant({{"recipe", "best"}}, {"model 'hred' has no recipe 'best'; it has paper"});
  change_variant({{"epochs", 0}}, {"variant 'hred'", "epochs"});
  change_variant({{"config", {{"model", {{"encodr", 8}}}}}}, {"variant 'hred'", "encodr"});
  change_variant({{"config", {{"training", {{"dropout", 2}}}}}}, {"variant 'hred'", "dropout"});
  change_variant({{"config", {{"training", {{"seed", 2}}}}}}, {"variant 'hred'", "seed"});
  change_variant({{"config", {{"model", {{"vocabulary", 9}}}}}}, {"variant 'hred'", "vocabulary"});
  change_variant({{"seeds", Json::array()}}, {"variant 'hred'", "seeds"});
}

TEST_CASE("a plan that was changed under its runs is refused with the key named") {
  const TinyProject project;
  Json plan = tiny_plan();
  write_plan(project, plan);
  project.must(experiment("out", {"--only", "linear,hred"}));
  // Done.
  Json changed = plan;
  changed["variants"][2]["config"]["model"]["buckets"] = 32;
  write_plan(project, changed);
  check_refusal(project, experiment("out"), {"linear-5", "model.buckets is 64 there and 32 in the plan"});
  // Only begun: its checkpoint says it.
  fs::remove(project / "out/results/hred-1.json");
  changed = plan;
  changed["variants"][1]["epochs"] = 4;
  write_plan(project, changed);
  check_refusal(project, experiment("out"), {"hred-", "training.epochs is 2 there and 4 in the plan"});
  changed = plan;
  changed["evaluate"] = {{"decode", "beam"}};
  write_plan(project, changed);
  check_refusal(project, experiment("out"), {"evaluate.decode"});
  changed = plan;
  changed["data"]["prepare"]["max_length"] = 10;
  write_plan(project, changed);
  check_refusal(project, experiment("out"), {"experiment.json", "other data"});
  // More seeds and systems may come.
  changed = plan;
  changed["variants"][2]["seeds"] = {5, 6};
  write_plan(project, changed);
  CHECK_THAT(project.must(experiment("out", {"--only", "linear"})), Contains("3 of 6 runs are done"));
}

TEST_CASE("evaluate --per-dialogue writes what makes the figures, dialogue by dialogue") {
  const TinyProject project;
  project.prepare_and_train();
  const Json figures = Json::parse(project.must({"evaluate", "run", "--json", "--per-dialogue", "d.jsonl"}));
  const std::vector<std::string> lines = lines_of(project.content("d.jsonl"));
  const Json head = Json::parse(lines.front());
  REQUIRE(lines.size() == 1 + figures["dialogues"].get<std::size_t>());
  CHECK(head["dialogues"] == figures["dialogues"]);
  CHECK(head["decoding"] == figures["decoding"]);
  for (const auto& [name, kind] : head["figures"].items()) {
    INFO(name);
    double sum = 0;
    std::int64_t count = 0;
    for (std::size_t i = 1; i < lines.size(); ++i) {
      const Json share = Json::parse(lines[i]).at(name);
      sum += share[0].get<double>();
      count += share[1].get<std::int64_t>();
    }
    const double ratio = sum / static_cast<double>(count);
    CHECK(figures.at(name).get<double>() == Approx(kind == "exp" ? std::exp(ratio) : ratio));
  }
  CHECK(head["figures"].size() == 6);  // perplexities at the mean of the latent variables, too
  std::size_t replies = 0, words = 0;
  std::set<std::string> different;
  for (std::size_t i = 1; i < lines.size(); ++i) {
    const Json dialogue = Json::parse(lines[i]);
    for (const Json& reply : dialogue["replies"]) {
      ++replies;
      std::istringstream stream(reply.get<std::string>());
      for (std::string word; stream >> word; ++words) different.insert(word);
    }
  }
  CHECK(replies == figures["replies"].get<std::size_t>());
  CHECK(figures["distinct_1"].get<double>() ==
        Approx(100.0 * static_cast<double>(different.size()) / static_cast<double>(words)));
  check_refusal(project, {"evaluate", "run", "run", "--per-dialogue", "e.jsonl"}, {"--per-dialogue", "one run"});
}
