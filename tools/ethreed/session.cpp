#include "tools/ethreed/session.h"

#include "kernels/device/open_device.h"
#include "kernels/gemm/gemm.h"
#include "model/text/emotions.h"
#include "model/text/line_reader.h"

#include <fmt/ranges.h>
#include <sched.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

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
  loaded.state = std::make_unique<ModelState<float>>(loaded.model().layout(), false);
  load_checkpoint_tensors(directory, *loaded.state);
  return loaded;
}

Dataset open_data_of_run(const CheckpointInfo& info, const std::filesystem::path& run, const std::string& given) {
  const std::string path = given.empty() ? info.data_path : given;
  ETHREED_CHECK(!given.empty() || std::filesystem::exists(path),
                "{}: the data that {} was trained on lay here and is gone; say where it is with --data DIR", path,
                run.string());
  Dataset data = Dataset::open(path);
  const Model& model = *info.config.model;
  const std::string fingerprint = fingerprint_for(model, data);
  ETHREED_CHECK(fingerprint == info.data_fingerprint,
                "{}: the run was trained on other data (fingerprint {}, this is {}); give the right one with --data",
                path, info.data_fingerprint, fingerprint);
  ETHREED_CHECK(data.vocabulary_size() == model.vocabulary(), "{}: V = {}, the run {} has V = {}", path,
                data.vocabulary_size(), run.string(), model.vocabulary());
  return data;
}

int utterance_length(const CheckpointInfo&) { return 40; }  // what prepare has always cut to

std::vector<std::string> classes_of(const CheckpointInfo& info, std::string_view label_set) {
  for (const LabelSet& set : info.labels)
    if (set.name == label_set) return set.classes;
  ETHREED_CHECK(label_set == "emotion", "the checkpoint does not know the classes of '{}'; train the run again",
                label_set);
  return {emotion_names.begin(), emotion_names.end()};
}

nlohmann::json ConfigArguments::keys(const ModelKind& kind) const {
  nlohmann::json keys = nlohmann::json::object();
  if (variant) keys["model"][std::string(kind.variant_key)] = *variant;
  const auto put = [&](const char* key, const auto& value) {
    if (value) keys["training"][key] = *value;
  };
  put("epochs", epochs);
  put("batch", batch);
  put("seed", seed);
  put("learning_rate", learning_rate);
  put("dropout", dropout);
  return keys;
}

namespace {

RunConfig configuration_on(const nlohmann::json* base, const std::string& source, const Dataset& data,
                           const ConfigArguments& arguments) {
  std::vector<ConfigPatch> patches;
  if (base != nullptr) patches.push_back({base, source});
  nlohmann::json file;
  if (!arguments.file.empty()) {
    file = read_json_file(arguments.file);
    patches.push_back({&file, arguments.file});
  }
  // Which key a variant is, the model says: so the model must be known first.
  const nlohmann::json command_line = arguments.keys(named_kind(arguments.model, patches));
  patches.push_back({&command_line, "command line"});
  const DataDescription description = describe(data);
  return make_run_config(arguments.model, &description, patches);
}

}  // namespace

RunConfig configuration_for(const Dataset& data, const ConfigArguments& arguments) {
  return configuration_on(nullptr, {}, data, arguments);
}

RunConfig changed_configuration(const RunConfig& config, const std::string& run, const Dataset& data,
                                const ConfigArguments& arguments) {
  const nlohmann::json base = to_json(config);
  return configuration_on(&base, run, data, arguments);
}

void add_model_options(CLI::App& command, ConfigArguments& arguments) {
  std::string variants;
  for (const ModelKind& kind : model_kinds())
    variants += fmt::format("{}{}: {}", variants.empty() ? "" : "; ", kind.name, fmt::join(kind.variants(), ", "));
  command.add_option("--model", arguments.model,
                     fmt::format("Which model: {} [{}]", model_names(), model_kinds().front().name));
  command.add_option("--config", arguments.file, "JSON file with keys of 'model' and 'training'")->type_name("FILE");
  command.add_option("--variant,--ablation", arguments.variant, "Variant of the model (" + variants + ")");
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

}  // namespace ethreed
