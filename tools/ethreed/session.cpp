#include "tools/ethreed/session.h"

#include "kernels/device/open_device.h"
#include "kernels/gemm/gemm.h"
#include "model/text/emotions.h"
#include "model/text/line_reader.h"

#include <CLI/CLI.hpp>

#include <sched.h>

#include <csignal>
#include <limits>
#include <thread>

namespace ethreed {

namespace {

volatile std::sig_atomic_t interruption = 0;

extern "C" void note_interruption(int signal) {
  if (interruption != 0 && signal == SIGINT) {  // the second time the person means it
    std::signal(SIGINT, SIG_DFL);
    std::raise(SIGINT);
  }
  interruption = 1;
}

}  // namespace

int default_threads() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
  return static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
}

void catch_interruptions() {
  std::signal(SIGINT, note_interruption);
  std::signal(SIGTERM, note_interruption);
}

bool interrupted() { return interruption != 0; }

LoadedRun load_run(const std::filesystem::path& run, const std::string& checkpoint) {
  const std::filesystem::path directory = checkpoint_in(run, checkpoint);
  LoadedRun loaded{.info = load_checkpoint_info(directory)};
  loaded.model = std::make_unique<ModelState<float>>(loaded.info.config.model, false);
  load_checkpoint_tensors(directory, *loaded.model);
  return loaded;
}

Dataset open_data_of_run(const CheckpointInfo& info, const std::filesystem::path& run, const std::string& given) {
  const std::string path = given.empty() ? info.data_path : given;
  ETHREED_CHECK(!given.empty() || std::filesystem::exists(path),
                "{}: the data that {} was trained on lay here and is gone; say where it is with --data DIR", path,
                run.string());
  Dataset data = Dataset::open(path);
  ETHREED_CHECK(data.fingerprint() == info.data_fingerprint,
                "{}: the run was trained on other data (fingerprint {}, this is {}); give the right one with --data",
                path, info.data_fingerprint, data.fingerprint());
  ETHREED_CHECK(data.vocabulary_size() == info.config.model.vocabulary, "{}: V = {}, the run {} has V = {}", path,
                data.vocabulary_size(), run.string(), info.config.model.vocabulary);
  return data;
}

void read_configuration(RunConfig& config, const std::string& file) {
  ETHREED_CHECK(std::filesystem::is_regular_file(file),
                "{}: there is no such configuration file; check the path after --config", file);
  try {
    update_from_file(config, file);
    config.model.check();
    config.training.check();
  } catch (const Error& error) {
    const std::string text = error.what();
    if (text.starts_with(file)) throw;
    fail("{}: {}", file, text);
  }
}

RunConfig configuration_for(const Dataset& data, const std::string& file) {
  RunConfig config;
  config.model.vocabulary = data.vocabulary_size();
  config.model.embedding = static_cast<int>(data.vectors().columns());
  config.model.listener_labels = data.has_listener_labels();
  if (file.empty()) return config;
  read_configuration(config, file);
  const ModelConfig& model = config.model;
  ETHREED_CHECK(
      model.vocabulary == data.vocabulary_size() && model.embedding == data.vectors().columns() &&
          model.emotions == emotion_count,
      "{}: the keys vocabulary ({}), embedding ({}) and emotions ({}) come from the data ({}, {}, {}); leave them out",
      file, model.vocabulary, model.embedding, model.emotions, data.vocabulary_size(), data.vectors().columns(),
      emotion_count);
  ETHREED_CHECK(!model.listener_labels || data.has_listener_labels(),
                "{}: 'listener_labels' is true, but the data has none; prepare it with --labels", file);
  return config;
}

void check_configuration(const RunConfig& config) {
  try {
    config.model.check();
    config.training.check();
  } catch (const Error& error) {
    fail("command line: {}", error.what());
  }
}

void check_output_file(const std::string& path) {
  ETHREED_CHECK(!std::filesystem::is_directory(path), "{}: is a folder; give the path of a file to write", path);
}

std::string check_seed(const std::string& text) {
  if (parse_number<std::uint64_t>(text)) return {};
  return fmt::format("{} is no seed; give a whole number from 0 to {}", text,
                     std::numeric_limits<std::uint64_t>::max());
}

void add_device_options(CLI::App& command, DeviceArguments& arguments) {
  command
      .add_option(
          "--device", arguments.device,
          "Where kernels run: on the CPU, on the first NVIDIA GPU, or the GPU's kernels emulated on the CPU (slow)")
      ->check(CLI::IsMember({"cpu", "cuda", "emulated"}))
      ->capture_default_str();
  command.add_option("--threads", arguments.threads, "Threads; results do not depend on it")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  command.add_flag("--tf32", arguments.tf32, "Products on the GPU may round their inputs to TF32: faster, less exact");
  command
      .add_option("--precision", arguments.precision,
                  "Of the inputs of matrix products on the CPU; sums and weights stay float32. bf16 is less exact, and "
                  "faster on AMD from Zen 4 and on Intel with AMX")
      ->check(CLI::IsMember({"float32", "bf16"}))
      ->capture_default_str();
}

std::unique_ptr<Runtime> open_runtime(const DeviceArguments& arguments) {
  const Device device = device_from(arguments.device);
  ETHREED_CHECK(!arguments.tf32 || device == Device::cuda, "--tf32: is for --device cuda, this is {}",
                arguments.device);
  const GemmPrecision precision = gemm_precision_from(arguments.precision);
  ETHREED_CHECK(precision == GemmPrecision::full || device == Device::cpu,
                "--precision {}: is for --device cpu, this is {}", arguments.precision, arguments.device);
  auto runtime = std::make_unique<Runtime>(arguments.threads);
  runtime->set_gemm_precision(precision);
  runtime->use(open_device(device, runtime->pool(), {.tf32 = arguments.tf32}));
  return runtime;
}

void add_run_options(CLI::App& command, RunArguments& arguments, bool with_data) {
  command.add_option("run", arguments.run, "Folder that `ethreed train --out` wrote")->required()->type_name("RUN");
  command.add_option("--checkpoint", arguments.checkpoint, "Which checkpoint of the run")
      ->check(CLI::IsMember({"best", "last"}))
      ->capture_default_str();
  add_device_options(command, arguments.device);
  if (!with_data) return;
  command.add_option("--data", arguments.data, "Prepared data, if it no longer lies where the run was trained")
      ->type_name("DIR");
  command.add_option("--split", arguments.split, "Split of the data")
      ->check(CLI::IsMember({"train", "valid", "test"}))
      ->capture_default_str();
}

DecodeOptions DecodeArguments::checked() const {
  DecodeOptions result = options;
  result.method = decode_method_from(method);
  result.check();
  return result;
}

void add_decode_options(CLI::App& command, DecodeArguments& arguments) {
  command.add_option("--decode", arguments.method, "How replies are searched")
      ->check(CLI::IsMember({"greedy", "beam", "sample"}))
      ->capture_default_str();
  command.add_option("--policy", arguments.policy, "Emotion of the reply: a sample of the policy, or its mean")
      ->check(CLI::IsMember({"sample", "mean"}))
      ->capture_default_str();
  command.add_option("--max-length", arguments.options.max_length, "Longest reply in tokens, end mark included")
      ->check(CLI::Range(1, 10000))
      ->capture_default_str();
  command.add_option("--beam", arguments.options.beam, "Hypotheses of beam search")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  command.add_option("--length-power", arguments.options.length_power, "Beam search ranks by log P / length^POWER")
      ->check(CLI::Range(0.0, 10.0))
      ->capture_default_str();
  command.add_option("--top-k", arguments.options.top_k, "Sampling draws from the K likeliest words")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  command.add_option("--temperature", arguments.options.temperature, "Temperature of sampling")
      ->check(CLI::Range(0.01, 100.0))
      ->capture_default_str();
  command.add_option("--seed", arguments.options.seed, "Seed of sampling and of the policy")
      ->check(check_seed)
      ->capture_default_str();
  command.add_flag("--allow-unknown", arguments.options.allow_unknown, "Let replies hold <unk>");
}

}  // namespace ethreed
