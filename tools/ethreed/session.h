#pragma once
// What several commands do at their start: threads, an existing run, its data, interruption.

#include "core/context.h"
#include "model/evaluation/evaluator.h"
#include "model/interface/run_config.h"
#include "model/text/dataset.h"
#include "model/training/checkpoint.h"

#include <nlohmann/json_fwd.hpp>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace CLI {
class App;
}

namespace ethreed {

/// The processors this process may use.
int default_threads();

/// From the first call on, Ctrl-C and SIGTERM only set a flag; a second Ctrl-C ends the program at once.
void catch_interruptions();
bool interrupted();

/// A trained model read from a run, for everything but training.
struct LoadedRun {
  CheckpointInfo info;
  std::unique_ptr<ModelState<float>> state;
  const Model& model() const { return *info.config.model; }
};
/// `checkpoint` is "best" or "last". Throws Error as load_checkpoint_info does.
LoadedRun load_run(const std::filesystem::path& run, const std::string& checkpoint);

/// The data a run was trained on: `given` if not empty, else where the run says it lay.
/// Throws Error if it is not the same data (fingerprint).
Dataset open_data_of_run(const CheckpointInfo& info, const std::filesystem::path& run, const std::string& given);

/// Tokens that a run reads of an utterance, end mark included.
int utterance_length(const CheckpointInfo& info);

/// The classes of a label set that a run's model speaks of. Throws Error if the checkpoint does not know them.
std::vector<std::string> classes_of(const CheckpointInfo& info, std::string_view label_set);

/// What the command line says of the configuration of a run.
struct ConfigArguments {
  std::string model, file;
  std::optional<std::string> variant;
  std::optional<int> epochs, batch;
  std::optional<std::uint64_t> seed;
  std::optional<double> learning_rate, dropout;
  /// The options as keys of a configuration of this model.
  nlohmann::json keys(const ModelKind& kind) const;
};
/// --model, --config and --variant.
void add_model_options(CLI::App& command, ConfigArguments& arguments);
/// The configuration of a new model on this data: the model's defaults, sizes from the data, then the keys of the file,
/// then the other options. Throws Error naming its source for a key that is wrong or contradicts the data.
RunConfig configuration_for(const Dataset& data, const ConfigArguments& arguments);
/// The same on top of an existing configuration, whose source is `run`.
RunConfig changed_configuration(const RunConfig& config, const std::string& run, const Dataset& data,
                                const ConfigArguments& arguments);

/// Throws Error if `path` cannot be a file to write because it is a folder: better told before the work than after it.
void check_output_file(const std::string& path);

/// What is wrong with this text as a seed (negative, too large, no whole number), or nothing. A check for CLI11, which
/// itself takes -1 for 2^64 - 1.
std::string check_seed(const std::string& text);

/// Options that commands share. The objects must outlive the parsing.
struct DeviceArguments {
  std::string device = "cpu";
  int threads = default_threads();
  bool tf32 = false;
  std::string precision = "float32";
};
/// --device, --threads, --tf32 and --precision.
void add_device_options(CLI::App& command, DeviceArguments& arguments);
/// Threads and the device that was asked for. Throws Error in one line if it is not here.
std::unique_ptr<Runtime> open_runtime(const DeviceArguments& arguments);

struct RunArguments {
  std::string run;
  std::string checkpoint = "best";
  std::string data;
  std::string split = "valid";
  DeviceArguments device;
};
void add_run_options(CLI::App& command, RunArguments& arguments, bool with_data);

}  // namespace ethreed
