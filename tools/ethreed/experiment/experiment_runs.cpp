#include "tools/ethreed/experiment/experiment_runs.h"

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/json.h"
#include "core/mapped_file.h"
#include "model/interface/split_examples.h"
#include "model/text/dataset.h"
#include "model/training/checkpoint.h"
#include "tools/ethreed/experiment/experiment_result_file.h"
#include "tools/ethreed/experiment/json_options.h"
#include "tools/ethreed/prepare_options.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <fstream>
#include <set>
#include <sstream>
#include <string_view>
#include <thread>

namespace ethreed {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;
using OrderedJson = nlohmann::ordered_json;

Dataset open_planned(const PlannedData& data, const ExperimentFolder& folder) {
  const fs::path path = folder.data(data);
  if (!data.folder.empty() || fs::exists(path)) return Dataset::open(path);
  CLI::App command;
  PrepareArguments arguments;
  add_prepare_options(command, arguments);
  std::vector<std::string> all = data.prepare;
  all.insert(all.end(), {"--out", path.string()});
  parse_arguments(command, all, "prepare");
  PrepareSummary summary;
  return prepare_in_memory(arguments.checked(), summary);
}

// The first key in which two objects differ, or nothing.
std::optional<std::string> difference(const Json& there, const Json& wanted, const std::string& section) {
  std::set<std::string> keys;
  for (const Json* side : {&there, &wanted})
    for (const auto& [key, value] : side->items()) keys.insert(key);
  const auto text = [](const Json& side, const std::string& key) {
    return side.contains(key) ? side.at(key).dump() : std::string("the usual");
  };
  for (const std::string& key : keys)
    if (text(there, key) != text(wanted, key))
      return fmt::format("{}.{} is {} there and {} in the plan", section, key, text(there, key), text(wanted, key));
  return {};
}

void check_same_config(const Json& there, const PlannedRun& run, const fs::path& where, const std::string& advice) {
  const Json wanted = to_json(run.config);
  for (const char* section : {"model", "training"})
    if (const auto key = difference(there.at(section), wanted.at(section), section))
      fail("{}: was made by another configuration: {}; {}", where.string(), *key, advice);
}

// A training that goes on in another process (of a session that was killed, or while its runs are listed) may replace a
// checkpoint while it is read.
std::optional<CheckpointInfo> last_checkpoint(const fs::path& run) {
  for (int tries = 0;; ++tries) try {
      for (const char* name : {"last", "last.old"})
        if (has_checkpoint(run, name)) return load_checkpoint_info(run / name);
      return {};
    } catch (const Error&) {
      if (tries == 5) throw;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
}

constexpr std::array<std::string_view, 10> no_figures{"run",   "checkpoint", "model",      "variant", "seed",
                                                      "split", "vocabulary", "parameters", "epoch",   "seconds"};

}  // namespace

bool is_wanted(std::span<const std::string> only, const std::string& variant) {
  return only.empty() || std::find(only.begin(), only.end(), variant) != only.end();
}

std::vector<PlannedRun> list_runs(const ExperimentPlan& plan, const ExperimentFolder& folder,
                                  std::span<const std::string> only, Json& fingerprints) {
  std::vector<Dataset> data;
  for (const PlannedData& one : plan.data) {
    data.push_back(open_planned(one, folder));
    for (const char* split : {"train", "valid"}) data.back().split(split);  // throws if it is missing
    fingerprints[one.place] = {{"fingerprint", data.back().fingerprint()}};
    if (one.folder.empty()) fingerprints[one.place]["prepare"] = one.recipe;
  }
  std::vector<std::vector<PlannedRun>> of_variant;
  bool asked_for_samples = false, sampled = false;
  for (std::size_t v = 0; v < plan.variants.size(); ++v) {
    const PlannedVariant& variant = plan.variants[v];
    const Dataset& dataset = data[variant.data];
    const DataDescription description = describe(dataset);
    dataset.split(variant.evaluate.value("split", "valid"));
    asked_for_samples = asked_for_samples || variant.importance_samples > 0;
    const std::string source = fmt::format("{}: variant '{}'", plan.source, variant.name);
    auto& runs = of_variant.emplace_back();
    for (const std::uint64_t seed : variant.seeds) {
      const Json seed_key{{"training", {{"seed", seed}}}};
      const std::array<ConfigPatch, 2> patches{ConfigPatch{&variant.config, source, false},
                                               ConfigPatch{&seed_key, source, false}};
      PlannedRun run{.variant = v, .seed = seed, .name = fmt::format("{}-{}", variant.name, seed), .trained_as = {}};
      if (!variant.runs_of.empty()) run.trained_as = fmt::format("{}-{}", variant.runs_of, seed);
      try {
        run.config = make_run_config(variant.model, &description, patches);
      } catch (const Error&) {
        if (is_wanted(only, variant.name)) throw;
        break;
      }
      const Model& model = *run.config.model;
      const int examples = SplitExamples(dataset.split("train"), example_kind(model)).count();
      run.steps_per_epoch = run.config.recipe.steps_per_epoch(examples);
      for (const FigureColumn& column : model.figures())
        sampled = sampled || (column.sampled && variant.importance_samples > 0);
      const bool about_plans =
          variant.evaluate.value("latent", "sample") == "shuffled" || variant.evaluate.contains("reply_emotion");
      ETHREED_CHECK(!about_plans || !model.reply_plan().empty(),
                    "{}: evaluate: 'latent' shuffled and 'reply_emotion' are for models that plan the emotion of a "
                    "reply, and {} does not; leave them out, or the variant",
                    source, model.name());
      runs.push_back(std::move(run));
    }
  }
  ETHREED_CHECK(!asked_for_samples || sampled,
                "{}: evaluate: importance_samples: no variant has a figure by importance sampling; leave it out",
                plan.source);
  std::vector<PlannedRun> runs;
  std::size_t most = 0;
  for (const auto& of_one : of_variant) most = std::max(most, of_one.size());
  for (std::size_t i = 0; i < most; ++i)
    for (auto& of_one : of_variant)
      if (i < of_one.size()) runs.push_back(std::move(of_one[i]));
  return runs;
}

bool is_done(const PlannedRun& run, const ExperimentFolder& folder) {
  return fs::exists(folder.result(run)) && fs::exists(folder.dialogues(run));
}

RunStage stage_of(const ExperimentPlan& plan, const PlannedRun& run, const ExperimentFolder& folder) {
  const fs::path directory = folder.run(run), result = folder.result(run);
  const std::string other_name = "give the variant another name in the plan, or ";
  if (is_done(run, folder)) {
    const Json there = read_result_file(result, folder.dialogues(run));
    const std::string advice =
        fmt::format("{}remove {} and this file to make the run anew", other_name, directory.string());
    try {
      check_same_config(there.at("config"), run, result, advice);
      if (const auto key = difference(there.at("evaluate"), plan.variants[run.variant].evaluate, "evaluate"))
        fail("{}: was evaluated otherwise: {}; remove the files of {} to evaluate all runs anew", result.string(), *key,
             (folder.root / "results").string());
    } catch (const Json::exception& error) {
      fail("{}: damaged ({}); remove it, and the run is evaluated again", result.string(), reason_of(error));
    }
    return RunStage::done;
  }
  const std::optional<CheckpointInfo> info = last_checkpoint(directory);
  if (!info) return RunStage::waiting;
  check_same_config(to_json(info->config), run, directory,
                    fmt::format("{}remove {} to make it anew", other_name, directory.string()));
  if (info->progress.finished) return RunStage::trained;
  return run.trained_as.empty() ? RunStage::started : RunStage::waiting;
}

std::optional<LogTail> log_tail(const fs::path& run) {
  constexpr std::streamoff most = 8192;
  std::ifstream file(run / "log.jsonl", std::ios::binary);
  if (!file.seekg(0, std::ios::end)) return {};
  const std::streamoff size = file.tellg();
  file.seekg(std::max<std::streamoff>(0, size - most));
  std::optional<LogTail> tail;
  // The first line may lack its beginning, the last one its end.
  for (std::string text; std::getline(file, text);) try {
      const Json line = parse_json<Json>(text, "the log", "", {.depth = 4, .array = 1000});
      const Json loss = line.value("loss_total", Json());
      tail = LogTail{.step = line.at("step").get<std::int64_t>(),
                     .epoch = line.at("epoch").get<int>(),
                     .loss = loss.is_number() ? loss.get<double>() : 0.0,
                     .seconds = line.at("seconds").get<double>()};
    } catch (const Error&) {
    } catch (const Json::exception&) {
    }
  return tail;
}

namespace {

// Validation after every epoch, as the log has it: without times, and without figures that do not exist.
OrderedJson validation_curve(const fs::path& run) {
  const fs::path path = run / "log.jsonl";
  OrderedJson curve = OrderedJson::array();
  std::istringstream lines{std::string(MappedFile(path).text())};
  for (std::string text; std::getline(lines, text);) {
    const auto line = parse_json<OrderedJson>(text, path.string(), "remove the run to make it anew");
    if (line.at("kind") != "epoch") continue;
    OrderedJson& point = curve.emplace_back(OrderedJson::object());
    for (const auto& [key, value] : line.items())
      if (key != "kind" && key != "seconds" && !value.is_null()) point[key] = value;
  }
  return curve;
}

}  // namespace

void write_result(const ExperimentPlan& plan, const PlannedRun& run, const ExperimentFolder& folder, int threads) {
  const CheckpointInfo info = load_checkpoint_info(folder.run(run) / "last");
  const fs::path printed = folder.figures(run);
  const auto evaluated =
      parse_json<OrderedJson>(MappedFile(printed).text(), printed.string(), "start the program again");
  const Model& model = *info.config.model;
  OrderedJson figures = OrderedJson::object();
  for (const auto& [key, value] : evaluated.items())
    if (std::find(no_figures.begin(), no_figures.end(), key) == no_figures.end()) figures[key] = value;
  const std::optional<LogTail> tail = log_tail(folder.run(run));
  const bool trained = tail && run.trained_as.empty();  // else that is the other run's
  const OrderedJson times{{"training_seconds", trained ? OrderedJson(tail->seconds) : OrderedJson()},
                          {"evaluation_seconds", evaluated.at("seconds")},
                          {"threads", threads}};
  write_text_atomically(folder.times(run), times.dump(2) + "\n");
  const OrderedJson result{{"experiment", plan.name},
                           {"variant", plan.variants[run.variant].name},
                           {"seed", run.seed},
                           {"model", model.name()},
                           {"model_variant", model.variant()},
                           {"parameters", model.layout().parameter_count()},
                           {"vocabulary", model.vocabulary()},
                           {"best_epoch", info.progress.best.epoch + 1},
                           {"epochs", info.progress.epoch},
                           {"data_fingerprint", info.data_fingerprint},
                           {"figures", figures},
                           {"evaluate", plan.variants[run.variant].evaluate},
                           {"validation", validation_curve(folder.run(run))},
                           {"config", to_json(info.config)}};
  write_result_file(result, folder.result(run), folder.dialogues(run));
}

}  // namespace ethreed
