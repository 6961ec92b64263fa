#include "core/abandoned_files.h"
#include "core/atomic_file.h"
#include "core/directory_lock.h"
#include "core/json.h"
#include "core/mapped_file.h"
#include "tools/ethreed/commands.h"
#include "tools/ethreed/experiment/child_process.h"
#include "tools/ethreed/experiment/experiment_jobs.h"
#include "tools/ethreed/experiment/experiment_tables.h"
#include "tools/ethreed/locked_folder.h"
#include "tools/ethreed/score/bert_scores.h"

#include <fmt/ranges.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <memory>
#include <thread>

namespace ethreed {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

struct ExperimentArguments {
  std::string plan, out, data;
  std::vector<std::string> only;
  JobOptions jobs;
  BertScoreArguments bert_score;
  bool dry_run = false;
  // Over what the plan says of evaluation.
  Json evaluate() const {
    Json keys = Json::object();
    if (bert_score.folder.empty()) return keys;
    keys["bertscore"] = fs::absolute(bert_score.folder).string();
    if (bert_score.layer) keys["bertscore_layer"] = *bert_score.layer;
    if (!bert_score.name.empty()) keys["bertscore_name"] = bert_score.name;
    if (!bert_score.baseline.empty()) keys["bertscore_baseline"] = bert_score.baseline;
    if (bert_score.idf) keys["bertscore_idf"] = true;
    return keys;
  }
};

constexpr int format = 1;
constexpr const char* file_name = "experiment.json";

// What all runs of an experiment have in common; kept in experiment.json.
Json common_of(const ExperimentArguments& arguments, const ExperimentPlan& plan, const Json& data) {
  const DeviceArguments& device = arguments.jobs.device;
  return {{"format", format},
          {"plan", plan.name},
          {"data", data},
          {"device", device.device},
          {"precision", device.precision},
          {"tf32", device.tf32}};
}

// The same as before? Data of variants that are no longer in the plan, or were not, do not matter.
void check_common(const fs::path& root, Json& wanted) {
  const fs::path path = root / file_name;
  if (!fs::exists(path)) return;
  const char* advice = "give another --out, or what it was begun with";
  const Json there = parse_json<Json>(MappedFile(path).text(), path.string(), "it is damaged: give another --out");
  for (const auto& [key, value] : wanted.items()) {
    if (key == "data") continue;
    ETHREED_CHECK(there.contains(key), "{}: has no key '{}'; {}", path.string(), key, advice);
    ETHREED_CHECK(there[key] == value, "{}: the experiment there was begun with {} {}, now it is {}; {}", path.string(),
                  key, shown(there[key]), shown(value), advice);
  }
  const Json before = there.value("data", Json::object());
  for (const auto& [place, data] : before.items()) {
    const Json now = wanted["data"].value(place, Json());
    if (now.is_null()) {
      wanted["data"][place] = data;
      continue;
    }
    for (const char* key : {"prepare", "fingerprint"})
      ETHREED_CHECK(now.value(key, Json()) == data.value(key, Json()),
                    "{}: the experiment there was begun with other data ('{}' of {} differs); {}", path.string(), key,
                    place, advice);
  }
}

std::vector<const PlannedRun*> wanted_runs(const ExperimentArguments& arguments, const ExperimentPlan& plan,
                                           const std::vector<PlannedRun>& runs) {
  std::vector<std::string> names;
  for (const PlannedVariant& variant : plan.variants) names.push_back(variant.name);
  for (const std::string& name : arguments.only)
    ETHREED_CHECK(std::find(names.begin(), names.end(), name) != names.end(),
                  "--only {}: the plan has no such variant; it has {}", name, fmt::join(names, ", "));
  std::vector<const PlannedRun*> wanted;
  for (const PlannedRun& run : runs)
    if (is_wanted(arguments.only, plan.variants[run.variant].name)) wanted.push_back(&run);
  return wanted;
}

void print_runs(const ExperimentPlan& plan, const std::vector<const PlannedRun*>& runs,
                const ExperimentFolder& folder) {
  std::size_t width = 0;
  for (const PlannedRun* run : runs) width = std::max(width, run->name.size());
  for (const PlannedRun* run : runs) {
    const RunStage stage = stage_of(plan, *run, folder);
    const std::optional<LogTail> tail = log_tail(folder.run(*run));
    const std::string text = stage == RunStage::done      ? "done"
                             : stage == RunStage::trained ? "trained, not evaluated"
                             : stage == RunStage::started
                                 ? fmt::format("begun, about step {} of {}", tail ? tail->step : 0, run->steps())
                             : run->trained_as.empty() ? fmt::format("not begun, {} steps", run->steps())
                                                       : fmt::format("evaluation of {}, not begun", run->trained_as);
    const Model& model = *run->config.model;
    fmt::print("{:<{}}  {}, variant {}, seed {}, {} epochs: {}\n", run->name, width, model.name(), model.variant(),
               run->seed, run->config.recipe.epochs, text);
  }
}

void make_folders(const ExperimentFolder& folder) {
  for (const char* name : {"configs", "runs", "logs", "dialogues", "results", "times"}) {
    std::error_code error;
    fs::create_directories(folder.root / name, error);
    ETHREED_CHECK(!error, "{}: cannot make the folder: {}; choose another --out", (folder.root / name).string(),
                  error.message());
  }
}

// What writers that were killed have left.
void sweep(const ExperimentFolder& folder) {
  std::error_code ignored;
  for (const char* name : {"", "configs", "dialogues", "results", "times"})
    for (const auto& entry : fs::directory_iterator(folder.root / name))
      if (entry.is_regular_file() && is_temporary(entry.path())) fs::remove(entry.path(), ignored);
}

// Data that the plan has made: into a folder beside it first, so that it is there as a whole or not at all.
void prepare_data(const ExperimentPlan& plan, const ExperimentFolder& folder) {
  for (const PlannedData& data : plan.data) {
    const fs::path place = folder.data(data);
    if (!data.folder.empty() || fs::exists(place)) continue;
    const fs::path part = folder.root / (data.place + ".part");
    fs::remove_all(part);
    std::vector<std::string> arguments{"prepare"};
    arguments.insert(arguments.end(), data.prepare.begin(), data.prepare.end());
    arguments.insert(arguments.end(), {"--out", part.string()});
    fmt::print("preparing {}\n", place.string());
    std::fflush(stdout);
    ChildProcess child(arguments, folder.log(data.place));
    while (!child.ended()) {
      if (interrupted()) child.stop();
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    if (interrupted()) return;
    ETHREED_CHECK(child.end().well(), "{}: preparing it {}; see {}", place.string(), child.end().text(),
                  folder.log(data.place).string());
    fs::rename(part, place);
  }
}

void write_configs(const ExperimentPlan& plan, const ExperimentFolder& folder) {
  for (const PlannedVariant& variant : plan.variants)
    write_text_atomically(folder.config(variant), variant.config.dump(2) + "\n");
}

void run_experiment(ExperimentArguments arguments) {
  const ExperimentPlan plan = read_plan(arguments.plan, arguments.data, arguments.evaluate());
  const ExperimentFolder folder{.root = fs::absolute(arguments.out).lexically_normal()};
  Json data = Json::object();
  const std::vector<PlannedRun> runs = list_runs(plan, folder, arguments.only, data);
  const std::vector<const PlannedRun*> wanted = wanted_runs(arguments, plan, runs);
  Json common = common_of(arguments, plan, data);
  check_common(folder.root, common);
  for (const PlannedRun& run : runs) stage_of(plan, run, folder);  // throws if it was made otherwise
  if (arguments.dry_run) {
    print_runs(plan, wanted, folder);
    return;
  }
  check_output_folder(arguments.out);
  catch_interruptions();
  make_folders(folder);
  const DirectoryLock lock(folder.root);
  sweep(folder);
  write_text_atomically(folder.root / file_name, common.dump(2) + "\n");
  write_configs(plan, folder);
  prepare_data(plan, folder);
  if (arguments.jobs.jobs == 0) arguments.jobs.jobs = usual_jobs(arguments.jobs.device);
  const std::vector<std::string> failed = run_jobs(plan, runs, wanted, folder, arguments.jobs);
  write_tables(plan, gather_results(plan, runs, folder), folder);
  std::size_t done = 0;
  for (const PlannedRun& run : runs) done += is_done(run, folder);
  fmt::print("{} of {} runs are done; tables in {}\n", done, runs.size(), (folder.root / "tables.md").string());
  ETHREED_CHECK(failed.empty(), "{} of the runs failed: {}; what they said is in {}; the same command tries them again",
                failed.size(), fmt::join(failed, ", "), (folder.root / "logs").string());
  if (interrupted()) fmt::print("stopped; go on with the same command\n");
}

}  // namespace

void add_experiment_command(CLI::App& app) {
  const auto a = std::make_shared<ExperimentArguments>();
  CLI::App* command = app.add_subcommand(
      "experiment", "Systems × seeds by a plan: trained, evaluated, put into tables; goes on where it was stopped");
  command->add_option("plan", a->plan, "The plan, a JSON file (docs/guide.md; samples/plans has some)")
      ->required()
      ->type_name("PLAN");
  command->add_option("--out", a->out, "Folder for runs, results and tables")->required()->type_name("DIR");
  command->add_option("--data", a->data, "Prepared data, in place of the plan's")->type_name("DIR");
  command->add_option("--only", a->only, "Only these variants, with commas between them")
      ->delimiter(',')
      ->type_name("VARIANT");
  command
      ->add_option("--jobs", a->jobs.jobs,
                   "Runs side by side; the threads are divided among them [one a thread, as far as memory reaches]")
      ->check(CLI::Range(1, 1024));
  add_device_options(*command, a->jobs.device);
  add_bert_score_options(*command, a->bert_score, false);
  command->add_flag("--dry-run", a->dry_run, "Check the plan and list the runs, and how far they are; write nothing");
  command->callback([a] { run_experiment(*a); });
}

}  // namespace ethreed
