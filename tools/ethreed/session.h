#pragma once
// What several commands do at their start: threads, an existing run, its data, interruption.

#include "core/context.h"
#include "model/text/dataset.h"
#include "model/training/checkpoint.h"
#include "model/training/decoding.h"
#include "model/training/evaluator.h"

#include <filesystem>
#include <memory>
#include <string>

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
  std::unique_ptr<ModelState<float>> model;
};
/// `checkpoint` is "best" or "last". Throws Error as load_checkpoint_info does.
LoadedRun load_run(const std::filesystem::path& run, const std::string& checkpoint);

/// The data a run was trained on: `given` if not empty, else where the run says it lay.
/// Throws Error if it is not the same data (fingerprint).
Dataset open_data_of_run(const CheckpointInfo& info, const std::filesystem::path& run, const std::string& given);

/// Overwrites in `config` the keys that the JSON file has. Throws Error naming the file, also for values out of range.
void read_configuration(RunConfig& config, const std::string& file);
/// The configuration of a new model on this data: sizes from the data, defaults, then the keys of `file` unless that is
/// empty. Throws Error naming the file if it contradicts the data.
RunConfig configuration_for(const Dataset& data, const std::string& file);
/// After options of the command line changed `config`: throws Error naming it if a value is out of range or contradicts
/// others.
void check_configuration(const RunConfig& config);

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

struct DecodeArguments {
  std::string method = "greedy";
  std::string policy = "sample";
  DecodeOptions options;
  PolicyMode mode() const { return {.sample = policy == "sample", .seed = options.seed}; }
  /// Throws Error if an option is out of range.
  DecodeOptions checked() const;
};
void add_decode_options(CLI::App& command, DecodeArguments& arguments);

}  // namespace ethreed
