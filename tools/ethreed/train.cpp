#include "core/directory_lock.h"
#include "model/interface/initial_state.h"
#include "model/training/memory_plan.h"
#include "model/training/trainer.h"
#include "tools/ethreed/commands.h"
#include "tools/ethreed/progress.h"
#include "tools/ethreed/run_log.h"
#include "tools/ethreed/session.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <memory>
#include <optional>

namespace ethreed {

namespace {

namespace fs = std::filesystem;

struct TrainArguments {
  std::string data, out;
  ConfigArguments config;
  DeviceArguments device;
  RunOptions options;
  bool resume = false;
  bool quiet = false;
};

CheckpointInfo start_run(const TrainArguments& arguments, const Dataset& data) {
  const fs::path run = arguments.out;
  ETHREED_CHECK(!has_checkpoint(run, "last"),
                "{}: holds a run already; go on with it by --resume, or give another --out", run.string());
  CheckpointInfo info;
  info.config = configuration_for(data, arguments.config);
  const Model& model = *info.config.model;
  info.data_path = fs::absolute(arguments.data).string();
  info.data_fingerprint = fingerprint_for(model, data);
  const DataDescription description = describe(data);
  if (const LabelSet* set = description.find(std::string(model.label_set())); set != nullptr && set->name != "emotion")
    info.labels.push_back(*set);
  if (!data.emotions().is_default()) info.labels.push_back({"emotion", data.emotions().names()});
  const WordTable words = data.vocabulary();
  for (std::int32_t id = 0; id < words.size(); ++id) info.vocabulary.emplace_back(words.word(id));
  return info;
}

// The counters must agree with each other, or the run would take up the wrong batch.
void check_position(const TrainingProgress& progress, const RunConfig& config, const Dataset& data,
                    const fs::path& source) {
  const int examples = SplitExamples(data.split("train"), example_kind(*config.model)).count();
  const std::int64_t batches = (examples + config.recipe.batch - 1) / config.recipe.batch;
  ETHREED_CHECK(progress.next_batch <= batches && progress.step == progress.epoch * batches + progress.next_batch,
                "{}: step {} is not {} epochs of {} steps and {} more; use another checkpoint", source.string(),
                progress.step, progress.epoch, batches, progress.next_batch);
}

CheckpointInfo take_up_run(const TrainArguments& arguments, const Dataset& data) {
  const fs::path run = arguments.out;
  ETHREED_CHECK(has_checkpoint(run, "last"), "{}: --resume found no run there; start one without --resume",
                run.string());
  CheckpointInfo info = load_checkpoint_info(run / "last");
  const std::string fingerprint = fingerprint_for(*info.config.model, data);
  ETHREED_CHECK(info.data_fingerprint == fingerprint,
                "{}: the run was made from other data (fingerprint {}, {} has {}); give the data it was made from",
                run.string(), info.data_fingerprint, arguments.data, fingerprint);
  const RunConfig asked = changed_configuration(info.config, run.string(), data, arguments.config);
  RunConfig same_but_epochs = asked;
  same_but_epochs.recipe.epochs = info.config.recipe.epochs;
  ETHREED_CHECK(to_json(same_but_epochs) == to_json(info.config),
                "{}: --resume goes on with the run's own configuration (only --epochs may change); leave the other "
                "options out, or start "
                "a new run",
                run.string());
  ETHREED_CHECK(asked.recipe.epochs >= info.progress.epoch,
                "{}: the run has done {} epochs, --epochs {} is less; give more", run.string(), info.progress.epoch,
                asked.recipe.epochs);
  check_position(info.progress, info.config, data, run / "last" / "state.json");
  // More epochs than before take a finished run up again; one that its patience ended stays ended.
  if (asked.recipe.epochs > info.config.recipe.epochs) info.progress.finished = false;
  if (info.progress.epoch >= asked.recipe.epochs) info.progress.finished = true;
  info.config = asked;
  return info;
}

void announce(const TrainArguments& arguments, const CheckpointInfo& info, const Dataset& data) {
  const Model& model = *info.config.model;
  const Recipe& recipe = info.config.recipe;
  const auto count = [&](const char* split) { return SplitExamples(data.split(split), example_kind(model)).count(); };
  fmt::print("{} {} to train on, {} to validate on; V = {}, D_w = {}\n", count("train"),
             model.unit() == Unit::dialogue ? "dialogues" : "texts", count("valid"), data.vocabulary_size(),
             data.vectors().columns());
  fmt::print("model {}, variant {}; batch {}, learning rate {}, {} epochs, seed {}, {} threads{}\n", model.name(),
             model.variant(), recipe.batch, recipe.learning_rate, recipe.epochs, recipe.seed, arguments.device.threads,
             arguments.device.precision == "float32" ? "" : ", matrix products in " + arguments.device.precision);
  for (const std::string& note : model.notes()) fmt::print("NOTE: {}\n", note);
  fmt::print("parameters\n{}", parameter_table(model.layout()));
  if (info.progress.step > 0)
    fmt::print("going on after step {} (epoch {})\n", info.progress.step, info.progress.epoch + 1);
  std::fflush(stdout);
}

// Checkpoints that a killed process was writing; nobody else writes here now.
void remove_leftovers(const fs::path& run) {
  for (const auto& entry : fs::directory_iterator(run))
    if (entry.path().filename().string().find(".tmp-") != std::string::npos) fs::remove_all(entry.path());
}

// A disk that is full or a folder that cannot be written shows before the first step, not after the first epoch. On an
// error nothing is left of a folder that this run `made`.
void save_first_checkpoint(const fs::path& run, bool made, const ModelState<float>& state, const CheckpointInfo& info) {
  try {
    save_checkpoint(run / "last", state, info);
  } catch (const Error&) {
    std::error_code ignored;
    if (made) fs::remove_all(run, ignored);
    throw;
  }
}

double peak_memory_mib() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024.0;
}

void run_train(const TrainArguments& arguments) {
  const Dataset data = Dataset::open(arguments.data);
  std::optional<DirectoryLock> lock;
  if (arguments.resume && has_checkpoint(arguments.out, "last")) lock.emplace(arguments.out);
  CheckpointInfo info = arguments.resume ? take_up_run(arguments, data) : start_run(arguments, data);
  for (const char* split : {"train", "valid"}) data.split(split);  // throws if it is missing or empty
  if (info.progress.finished) {
    fmt::print("{}: all {} epochs are done; raise --epochs to go on\n", arguments.out, info.config.recipe.epochs);
    return;
  }
  RunOptions options = arguments.options;
  options.directory = arguments.out;
  std::error_code error;
  const bool made = fs::create_directories(options.directory, error);
  ETHREED_CHECK(!error, "{}: cannot make the folder: {}; choose another --out", arguments.out, error.message());
  if (!lock) lock.emplace(arguments.out);
  remove_leftovers(arguments.out);

  const std::unique_ptr<Runtime> runtime = open_runtime(arguments.device);
  Context context = runtime->context();
  const MemoryPlan memory = plan_training_memory(context, info.config, data);
  const Model& model = *info.config.model;
  ModelState<float> state(model.layout(), true);
  if (arguments.resume) {
    load_checkpoint_tensors(options.directory / "last", state);
  } else {
    initialise_state(context.pool, model, data, info.config.recipe.seed, state);
    save_first_checkpoint(options.directory, made, state, info);
  }
  if (!arguments.quiet) {
    announce(arguments, info, data);
    if (runtime->device() != nullptr)
      fmt::print("device: {}\nmemory of the device\n{}", runtime->device()->description(), memory.table());
    std::fflush(stdout);
  }

  RunLog log(options.directory, model, info.progress);
  ProgressDisplay display(model, info.config.recipe.epochs, info.progress.step, arguments.quiet);
  catch_interruptions();
  const TrainingObserver observer{.step = [&](const TrainingProgress& p, const StepReport& r,
                                              std::int64_t batches) { display.step(p, r, batches); },
                                  .log_line =
                                      [&](const TrainingProgress& p, double rate) {
                                        log.add_steps(p, rate, display.tokens_per_second_since_asked());
                                        display.log_line(p);
                                      },
                                  .epoch =
                                      [&](const TrainingProgress& p, std::span<const double> figures, double rate) {
                                        log.add_epoch(p, figures, rate);
                                        display.epoch(p, figures);
                                      },
                                  .validation = [&](int done, int examples) { display.validation(done, examples); },
                                  .stop = [] { return interrupted(); }};
  const bool finished = train(context, state, info, data, options, observer);
  display.finish();
  if (finished) {
    const Selection selection = model.selection();
    const FigureColumn& figure = model.figures()[static_cast<std::size_t>(selection.figure)];
    fmt::print("done: best epoch {} with {} {:.{}f}; peak memory {:.0f} MiB; checkpoints in {}\n",
               info.progress.best.epoch + 1, selection.label, info.progress.best.values.at(std::string(figure.name)),
               figure.decimals, peak_memory_mib(), arguments.out);
    return;
  }
  fmt::print("stopped after step {} and saved; go on with the same command and --resume\n", info.progress.step);
}

}  // namespace

void add_train_command(CLI::App& app) {
  const auto a = std::make_shared<TrainArguments>();
  CLI::App* command = app.add_subcommand("train", "Train a model on prepared data");
  command->add_option("--data", a->data, "Folder that `ethreed prepare --out` wrote")->required()->type_name("DIR");
  command->add_option("--out", a->out, "Folder of the run: checkpoints last/ and best/, log.csv, log.jsonl")
      ->required()
      ->type_name("RUN");
  add_model_options(*command, a->config);
  ConfigArguments& config = a->config;
  command->add_option("--epochs", config.epochs, "Passes over the training split [the recipe's]")
      ->check(CLI::Range(1, 100000));
  command->add_option("--batch", config.batch, "Examples per step [the recipe's]")->check(CLI::Range(1, 65536));
  command->add_option("--seed", config.seed, "Seed of everything random [1]")->check(check_seed);
  command->add_option("--learning-rate", config.learning_rate, "Adam's learning rate [the recipe's]")
      ->check(CLI::Range(0.0, 10.0));
  command->add_option("--dropout", config.dropout, "Dropout, where the model has it [the recipe's]")
      ->check(CLI::Range(0.0, 0.95));
  add_device_options(*command, a->device);
  command->add_flag("!--no-graphs", a->options.graphs,
                    "On a device: launch kernels one by one, not a step as one CUDA graph");
  command->add_option("--log-every", a->options.log_every, "Steps between lines of the log")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  command->add_option("--save-every", a->options.save_every, "Steps between checkpoints; 0: only at the end of epochs")
      ->check(CLI::Range(0, 1'000'000))
      ->capture_default_str();
  command->add_option("--max-steps", a->options.max_steps, "Stop and save after this step; 0: no limit")
      ->check(CLI::Range(0, 1'000'000'000))
      ->capture_default_str();
  command->add_flag("--resume", a->resume, "Go on with the run in --out, to the same bits as if never stopped");
  command->add_flag("--quiet", a->quiet, "Print only the result");
  command->callback([a] { run_train(*a); });
}

}  // namespace ethreed
