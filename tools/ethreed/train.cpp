#include "model/interface/initial_state.h"
#include "model/training/memory_plan.h"
#include "model/training/trainer.h"
#include "tools/ethreed/commands.h"
#include "tools/ethreed/locked_folder.h"
#include "tools/ethreed/progress.h"
#include "tools/ethreed/run_folder.h"
#include "tools/ethreed/run_log.h"
#include "tools/ethreed/session.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>

namespace ethreed {

namespace {

namespace fs = std::filesystem;

struct TrainArguments {
  std::string data, out;
  std::string from;  // a run whose parameters are taken over
  ConfigArguments config;
  DeviceArguments device;
  RunOptions options;
  std::optional<std::int64_t> log_every, save_every;
  bool resume = false;
  bool verify = false;
  bool quiet = false;
  std::optional<std::string> tensorboard;  // folder of event files; empty: RUN/tensorboard
};

constexpr std::array<const char*, 4> places_of_checkpoints{"last", "best", "last.old", "best.old"};

void check_holds_no_run(const fs::path& run) {
  for (const char* name : places_of_checkpoints)
    ETHREED_CHECK(!has_checkpoint(run, name),
                  "{}: holds a run already ({}); go on with it by --resume, or give another --out", run.string(), name);
}

// Before anything is written there.
void check_can_resume(const fs::path& run) {
  if (has_checkpoint(run, "last") || has_checkpoint(run, "last.old")) return;
  ETHREED_CHECK(
      !has_checkpoint(run, "best") && !has_checkpoint(run, "best.old"),
      "{}: holds the checkpoint 'best' only, and --resume needs 'last'; begin a new run with what it learned by "
      "--from {}",
      run.string(), run.string());
  fail("{}: --resume found no run there; start one without --resume", run.string());
}

// The checkpoint that --from means.
fs::path checkpoint_to_start_from(const fs::path& run) {
  ETHREED_CHECK(fs::exists(run / "config.json") || has_checkpoint(run, "best") || !has_checkpoint(run, "last"),
                "{}: holds no checkpoint 'best' yet; give --from {}", run.string(), (run / "last").string());
  return checkpoint_in(run, "best");
}

CheckpointInfo start_run(const TrainArguments& arguments, const Dataset& data) {
  if (arguments.from.empty()) return info_of_new_run(configuration_for(data, arguments.config), data, arguments.data);
  const fs::path checkpoint = checkpoint_to_start_from(arguments.from);
  if (arguments.verify) verify_checkpoint(checkpoint);
  const CheckpointInfo base = load_checkpoint_info(checkpoint);
  check_fits(base, data, arguments.from);
  CheckpointInfo info = info_of_new_run(
      changed_configuration(base.config, arguments.from, data, arguments.config, true), data, arguments.data);
  info.started_from = parameters_fingerprint(checkpoint);
  return info;
}

// The parameters of the run that --from names.
void take_parameters(const TrainArguments& arguments, ModelState<float>& state) {
  const fs::path checkpoint = checkpoint_to_start_from(arguments.from);
  const CheckpointInfo base = load_checkpoint_info(checkpoint);
  ModelState<float> from(base.config.model->layout(), false);
  const auto &wanted = state.layout.entries(), &there = from.layout.entries();
  for (std::size_t i = 0; i < std::max(wanted.size(), there.size()); ++i)
    ETHREED_CHECK(
        i < wanted.size() && i < there.size() && wanted[i].name == there[i].name && wanted[i].shape == there[i].shape,
        "{}: its parameters are not those of this configuration (first '{}' there); with --from the model's "
        "kind, variant and sizes stay, so leave keys of 'model' out, and give data of the run's dimension",
        arguments.from, i < there.size() ? there[i].name : wanted[i].name);
  load_checkpoint_tensors(checkpoint, from);
  std::copy(from.values.span().begin(), from.values.span().end(), state.values.span().begin());
}

// The counters must agree with each other, or the run would take up the wrong batch.
void check_position(const TrainingProgress& progress, const RunConfig& config, const Dataset& data,
                    const fs::path& source) {
  const int examples = SplitExamples(data.split("train"), example_kind(*config.model)).count();
  const std::int64_t steps = config.recipe.steps_per_epoch(examples);
  ETHREED_CHECK(progress.next_batch <= steps && progress.step == progress.epoch * steps + progress.next_batch,
                "{}: step {} is not {} epochs of {} steps and {} more; use another checkpoint", source.string(),
                progress.step, progress.epoch, steps, progress.next_batch);
}

void note_change(CheckpointInfo& info, const std::string& text) {
  info.changes.push_back({.epoch = info.progress.epoch, .step = info.progress.step, .text = text});
}

// More epochs are not noted where that makes the same run as more epochs from the start.
void note_changes(CheckpointInfo& info, const std::vector<std::string>& changes, const Recipe& recipe) {
  for (const std::string& text : changes)
    if (!text.starts_with("epochs:") || recipe.schedule == Schedule::linear) note_change(info, text);
}

CheckpointInfo take_up_run(const TrainArguments& arguments, const Dataset& data) {
  const fs::path run = arguments.out;
  if (arguments.verify) verify_checkpoint(run / "last");
  CheckpointInfo info = load_checkpoint_info(run / "last");
  check_fits(info, data, run.string());
  ETHREED_CHECK(
      learned_from(info, data),
      "{}: the run was made from other data (its fingerprint is {}, the training split of {} has another); give "
      "the data it was made from, or begin a new run with what it learned by --from {}",
      run.string(), info.data_fingerprint, arguments.data, run.string());
  const RunConfig asked = changed_configuration(info.config, run.string(), data, arguments.config);
  note_changes(info, changes_between(info.config, asked, run.string()), asked.recipe);
  ETHREED_CHECK(asked.recipe.epochs >= info.progress.epoch,
                "{}: the run has done {} epochs, --epochs {} is less; give more", run.string(), info.progress.epoch,
                asked.recipe.epochs);
  check_position(info.progress, info.config, data, run / "last" / "state.json");
  CheckpointInfo now = info_of_new_run(asked, data, arguments.data);  // older checkpoints said less of the data
  now.progress = info.progress;
  now.changes = info.changes;
  now.started_from = info.started_from;
  now.progress.finished = now.progress.is_over(asked.recipe);
  return now;
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
  if (!info.started_from.empty() && info.progress.step == 0)
    fmt::print("with the parameters of {}\n", arguments.from.empty() ? "another run" : arguments.from);
  for (const RecipeChange& change : info.changes) fmt::print("changed after step {}: {}\n", change.step, change.text);
  if (info.progress.step > 0)
    fmt::print("going on after step {} (epoch {})\n", info.progress.step, info.progress.epoch + 1);
  std::fflush(stdout);
}

// Parameters at the start of a run, and its first checkpoint: a disk that is full or a folder that cannot be written
// shows before the first step, not after the first epoch.
void begin_run(const TrainArguments& arguments, Context& context, const Dataset& data, const CheckpointInfo& info,
               ModelState<float>& state) {
  if (arguments.from.empty())
    initialise_state(context.pool, *info.config.model, data, info.config.recipe.seed, state);
  else
    take_parameters(arguments, state);
  save_checkpoint(fs::path(arguments.out) / "last", state, info);
}

// Where --tensorboard wants event files, if it was given.
std::optional<fs::path> folder_of_events(const TrainArguments& arguments) {
  if (!arguments.tensorboard) return {};
  if (arguments.tensorboard->empty()) return fs::path(arguments.out) / "tensorboard";
  return fs::path(*arguments.tensorboard);
}

double peak_memory_mib() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024.0;
}

// The intervals of this session: those of the one before, unless others are given.
RunOptions options_of(const TrainArguments& arguments, const RunFolder& before, CheckpointInfo& info) {
  RunOptions options = arguments.options;
  options.directory = arguments.out;
  const auto choose = [&](const char* name, const std::optional<std::int64_t>& given,
                          const std::optional<std::int64_t>& known, std::int64_t& value) {
    if (given && known && *given != *known) note_change(info, fmt::format("{}: {} → {}", name, *known, *given));
    value = given.value_or(known.value_or(value));
  };
  choose("log_every", arguments.log_every, before.log_every, options.log_every);
  choose("save_every", arguments.save_every, before.save_every, options.save_every);
  return options;
}

void print_end(const TrainArguments& arguments, const CheckpointInfo& info) {
  const Recipe& recipe = info.config.recipe;
  if (info.progress.epoch >= recipe.epochs)
    fmt::print("{}: all {} epochs are done; raise --epochs to go on\n", arguments.out, recipe.epochs);
  else
    fmt::print(
        "{}: the run ended after {} epochs, {} of them without a better one; raise training.patience by --config "
        "to go on\n",
        arguments.out, info.progress.epoch, recipe.patience);
}

void run_train(const TrainArguments& arguments) {
  check_output_folder(arguments.out);
  const std::optional<fs::path> events_folder = folder_of_events(arguments);
  if (events_folder) check_output_folder(*events_folder, "--tensorboard");
  const Dataset data = Dataset::open(arguments.data);
  if (arguments.verify) data.verify_vocabulary_file();
  std::optional<LockedFolder> folder;
  CheckpointInfo info;
  const fs::path run = arguments.out;
  RunFolder before;
  if (arguments.resume) {
    check_can_resume(run);
    folder.emplace(run);
    sweep_leftovers(run);
    info = take_up_run(arguments, data);
    before = RunFolder::read(run);
  } else {
    check_holds_no_run(run);
    info = start_run(arguments, data);
  }
  for (const char* split : {"train", "valid"}) data.split(split);  // throws if it is missing or empty
  if (info.progress.finished) {
    print_end(arguments, info);
    return;
  }
  const RunOptions options = options_of(arguments, before, info);
  const bool has_new_changes = !info.changes.empty() && info.changes.back().step == info.progress.step;
  const std::unique_ptr<Runtime> runtime = open_runtime(arguments.device);
  if (!folder) {
    folder.emplace(run);
    check_holds_no_run(run);  // another process may have made one since
    sweep_leftovers(run);
  }
  std::optional<EventFile> events;
  if (events_folder) events.emplace(*events_folder, info.progress.step + 1);

  Context context = runtime->context();
  const MemoryPlan memory = plan_training_memory(context, info.config, data);
  const Model& model = *info.config.model;
  ModelState<float> state(model.layout(), true);
  if (arguments.resume) {
    load_checkpoint_tensors(run / "last", state);
    if (has_new_changes) save_checkpoint(run / "last", state, info);  // from here on they hold, whatever happens
  } else {
    begin_run(arguments, context, data, info, state);
    folder->keep();
  }
  RunFolder{.data = seen_from(run, arguments.data), .log_every = options.log_every, .save_every = options.save_every}
      .write(run);
  if (!arguments.quiet) {
    announce(arguments, info, data);
    if (runtime->device() != nullptr)
      fmt::print("device: {}\nmemory of the device\n{}", runtime->device()->description(), memory.table());
    std::fflush(stdout);
  }

  RunLog log(run, info);
  if (!log.note().empty()) fmt::print(stderr, "NOTE: {}\n", log.note());
  if (events) log.also_to(*events);
  ProgressDisplay display(model, info.config.recipe.epochs, info.progress.step, arguments.quiet);
  catch_interruptions();
  const TrainingObserver observer{
      .step = [&](const TrainingProgress& p, const StepReport& r,
                  std::int64_t batches) { display.step(p, r, batches); },
      .log_line =
          [&](const TrainingProgress& p, double rate) {
            log.add_steps(p, rate, display.tokens_per_second_since_asked());
            display.log_line(p);
          },
      .epoch =
          [&](const TrainingProgress& p, std::span<const double> figures, const LossMeans& losses, double rate) {
            log.add_epoch(p, figures, losses, rate);
            display.epoch(p, figures);
          },
      .validation = [&](int done, int examples) { display.validation(done, examples); },
      .stop = [] { return interrupted(); }};
  const bool finished = train(context, state, info, data, options, observer);
  display.finish();
  if (finished) {
    fmt::print("done: best epoch {} with {}; peak memory {:.0f} MiB; checkpoints in {}\n", info.progress.best.epoch + 1,
               selected_text(model, info.progress.best), peak_memory_mib(), arguments.out);
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
  command->add_option("--clip-norm", config.clip_norm, "Gradients are scaled down to this norm [the recipe's]")
      ->check(CLI::Range(1e-6, 1e9));
  command->add_option("--learning-rate", config.learning_rate, "Adam's learning rate [the recipe's]")
      ->check(CLI::Range(0.0, 10.0));
  command->add_option("--dropout", config.dropout, "Dropout, where the model has it [the recipe's]")
      ->check(CLI::Range(0.0, 0.95));
  add_device_options(*command, a->device);
  command->add_flag("!--no-graphs", a->options.graphs,
                    "On a device: launch kernels one by one, not a step as one CUDA graph");
  command->add_option("--log-every", a->log_every, "Steps between lines of the log [50, or as before]")
      ->check(CLI::Range(1, 1'000'000));
  command
      ->add_option("--save-every", a->save_every,
                   "Steps between checkpoints; 0: only at the end of epochs [1000, or as before]")
      ->check(CLI::Range(0, 1'000'000));
  command->add_option("--max-steps", a->options.max_steps, "Stop and save after this step; 0: no limit")
      ->check(CLI::Range(0, 1'000'000'000))
      ->capture_default_str();
  CLI::Option* resume = command->add_flag(
      "--resume", a->resume,
      "Go on with the run in --out, to the same bits as if never stopped; epochs, learning rate, schedule, clip norm, "
      "patience and intervals may change");
  command->add_option("--from", a->from, "A new run that begins with the parameters of this one (best, or RUN/last)")
      ->type_name("RUN")
      ->excludes(resume);
  command->add_flag(
      "--verify", a->verify,
      "First compare every file of the data, and of the checkpoint that is taken up, with its fingerprint");
  command
      ->add_option("--tensorboard", a->tensorboard,
                   "Write event files of TensorBoard, too: every number of the log [RUN/tensorboard]")
      ->expected(0, 1)
      ->type_name("[DIR]");
  command->add_flag("--quiet", a->quiet, "Print only the result");
  command->callback([a] { run_train(*a); });
}

}  // namespace ethreed
