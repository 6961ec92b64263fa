#include "core/directory_lock.h"
#include "model/training/initialisation.h"
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
  std::string data, out, config;
  std::optional<int> epochs, batch;
  std::optional<std::uint64_t> seed;
  std::optional<double> learning_rate, dropout;
  std::optional<std::string> ablation;
  DeviceArguments device;
  RunOptions options;
  bool resume = false;
  bool quiet = false;
};

// What the options of the command line ask for, on top of `config`.
void apply_arguments(RunConfig& config, const TrainArguments& arguments) {
  TrainingConfig& training = config.training;
  training.epochs = arguments.epochs.value_or(training.epochs);
  training.batch = arguments.batch.value_or(training.batch);
  training.seed = arguments.seed.value_or(training.seed);
  training.learning_rate = arguments.learning_rate.value_or(training.learning_rate);
  training.dropout = arguments.dropout.value_or(training.dropout);
  if (arguments.ablation) config.model.ablation = ablation_from(*arguments.ablation);
}

CheckpointInfo start_run(const TrainArguments& arguments, const Dataset& data) {
  const fs::path run = arguments.out;
  ETHREED_CHECK(!has_checkpoint(run, "last"),
                "{}: holds a run already; go on with it by --resume, or give another --out", run.string());
  CheckpointInfo info;
  info.config = configuration_for(data, arguments.config);
  apply_arguments(info.config, arguments);
  check_configuration(info.config);
  info.data_path = fs::absolute(arguments.data).string();
  info.data_fingerprint = data.fingerprint();
  const WordTable words = data.vocabulary();
  for (std::int32_t id = 0; id < words.size(); ++id) info.vocabulary.emplace_back(words.word(id));
  return info;
}

// The counters must agree with each other, or the run would take up the wrong batch.
void check_position(const TrainingProgress& progress, const TrainingConfig& training, const Dataset& data,
                    const fs::path& source) {
  const std::int64_t batches = (data.split("train").dialogues() + training.batch - 1) / training.batch;
  ETHREED_CHECK(progress.next_batch <= batches && progress.step == progress.epoch * batches + progress.next_batch,
                "{}: step {} is not {} epochs of {} steps and {} more; use another checkpoint", source.string(),
                progress.step, progress.epoch, batches, progress.next_batch);
}

CheckpointInfo take_up_run(const TrainArguments& arguments, const Dataset& data) {
  const fs::path run = arguments.out;
  ETHREED_CHECK(has_checkpoint(run, "last"), "{}: --resume found no run there; start one without --resume",
                run.string());
  CheckpointInfo info = load_checkpoint_info(run / "last");
  ETHREED_CHECK(info.data_fingerprint == data.fingerprint(),
                "{}: the run was made from other data (fingerprint {}, {} has {}); give the data it was made from",
                run.string(), info.data_fingerprint, arguments.data, data.fingerprint());
  RunConfig asked = info.config;
  if (!arguments.config.empty()) read_configuration(asked, arguments.config);
  apply_arguments(asked, arguments);
  check_configuration(asked);
  RunConfig same_but_epochs = asked;
  same_but_epochs.training.epochs = info.config.training.epochs;
  ETHREED_CHECK(same_but_epochs == info.config,
                "{}: --resume goes on with the run's own configuration (only --epochs may change); leave the other "
                "options out, or start "
                "a new run",
                run.string());
  ETHREED_CHECK(asked.training.epochs >= info.progress.epoch,
                "{}: the run has done {} epochs, --epochs {} is less; give more", run.string(), info.progress.epoch,
                asked.training.epochs);
  check_position(info.progress, info.config.training, data, run / "last" / "state.json");
  info.config = asked;
  info.progress.finished = info.progress.epoch >= asked.training.epochs;
  return info;
}

void announce(const TrainArguments& arguments, const CheckpointInfo& info, const Dataset& data,
              const ParameterLayout& layout) {
  const TrainingConfig& training = info.config.training;
  fmt::print("{} dialogues to train on, {} to validate on; V = {}, D_w = {}\n", data.split("train").dialogues(),
             data.split("valid").dialogues(), data.vocabulary_size(), data.vectors().columns());
  fmt::print("ablation {}; batch {}, learning rate {}, {} epochs, seed {}, {} threads{}\n",
             name_of(info.config.model.ablation), training.batch, training.learning_rate, training.epochs,
             training.seed, arguments.device.threads,
             arguments.device.precision == "float32" ? "" : ", products of " + arguments.device.precision);
  if (!info.config.model.listener_labels)
    fmt::print("NOTE: no listener labels: the listener term of L1 and the KL term L2 are OFF\n");
  fmt::print("parameters\n{}", parameter_table(layout));
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
void save_first_checkpoint(const fs::path& run, bool made, const ModelState<float>& model, const CheckpointInfo& info) {
  try {
    save_checkpoint(run / "last", model, info);
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
    fmt::print("{}: all {} epochs are done; raise --epochs to go on\n", arguments.out, info.config.training.epochs);
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
  ModelState<float> model(info.config.model, true);
  if (arguments.resume)
    load_checkpoint_tensors(options.directory / "last", model);
  else
    initialise_parameters(context.pool, model.layout, data.vectors(), info.config.training.update_gate_bias,
                          info.config.training.seed, model.values.data());
  if (!arguments.resume) save_first_checkpoint(options.directory, made, model, info);
  if (!arguments.quiet) {
    announce(arguments, info, data, model.layout);
    if (runtime->device() != nullptr)
      fmt::print("device: {}\nmemory of the device\n{}", runtime->device()->description(), memory.table());
    std::fflush(stdout);
  }

  RunLog log(options.directory, info.progress);
  ProgressDisplay display(info.config.training.epochs, info.progress.step, arguments.quiet);
  catch_interruptions();
  const TrainingObserver observer{.step = [&](const TrainingProgress& p, const StepReport& r,
                                              std::int64_t batches) { display.step(p, r, batches); },
                                  .log_line =
                                      [&](const TrainingProgress& p, double rate) {
                                        log.add_steps(p, rate, display.tokens_per_second_since_asked());
                                        display.log_line(p);
                                      },
                                  .epoch =
                                      [&](const TrainingProgress& p, const EvaluationResult& r, double rate) {
                                        log.add_epoch(p, r, rate);
                                        display.epoch(p, r);
                                      },
                                  .validation = [&](int done, int dialogues) { display.validation(done, dialogues); },
                                  .stop = [] { return interrupted(); }};
  const bool finished = train(context, model, info, data, options, observer);
  display.finish();
  if (finished)
    fmt::print("done: best epoch {} with validation PPL {:.2f}; peak memory {:.0f} MiB; checkpoints in {}\n",
               info.progress.best.epoch + 1, info.progress.best.perplexity_token, peak_memory_mib(), arguments.out);
  else
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
  command->add_option("--config", a->config, "JSON file with keys of 'model' and 'training'")->type_name("FILE");
  command->add_option("--epochs", a->epochs, "Passes over the training split [9]")->check(CLI::Range(1, 100000));
  command->add_option("--batch", a->batch, "Dialogues per step [8]")->check(CLI::Range(1, 65536));
  command->add_option("--seed", a->seed, "Seed of everything random [1]")->check(check_seed);
  command->add_option("--learning-rate", a->learning_rate, "Adam's learning rate [5e-4]")->check(CLI::Range(0.0, 10.0));
  command->add_option("--dropout", a->dropout, "Dropout on g, p, e, c [0.5]")->check(CLI::Range(0.0, 0.95));
  command->add_option("--ablation", a->ablation, "What to take out of the model")
      ->check(CLI::IsMember({"none", "no_policy", "no_gps", "no_party", "no_emotion", "no_tracking"}));
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
