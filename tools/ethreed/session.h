#pragma once
// What several commands do at their start: threads, an existing run, its data, interruption.

#include "core/context.h"
#include "model/evaluation/evaluator.h"
#include "model/interface/run_config.h"
#include "model/text/dataset.h"
#include "model/training/checkpoint.h"
#include "model/training/run_data.h"

#include <nlohmann/json_fwd.hpp>

#include <filesystem>
#include <memory>
#include <optional>
#include <span>
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
struct RunArguments;
/// Throws Error as load_checkpoint_info does; with --verify as verify_checkpoint does, too.
LoadedRun load_run(const RunArguments& arguments);

/// What the command line says of the configuration of a run.
struct ConfigArguments {
  std::string model, recipe, file;
  std::optional<std::string> variant;
  std::optional<int> epochs, batch;
  std::optional<std::uint64_t> seed;
  std::optional<double> learning_rate, clip_norm, dropout;
  /// The options as keys of a configuration of this model.
  nlohmann::json keys(const ModelKind& kind) const;
};
/// --model, --recipe, --config and --variant.
void add_model_options(CLI::App& command, ConfigArguments& arguments);
/// The configuration of a new model on this data: the model's defaults, sizes from the data, then the keys of the
/// recipe, then those of the file, then the other options. Throws Error naming its source for a key that is wrong or
/// contradicts the data.
RunConfig configuration_for(const Dataset& data, const ConfigArguments& arguments);
/// The same on top of an existing configuration, whose source is `run`. With `other_data`, sizes that the data says are
/// those of this data.
RunConfig changed_configuration(const RunConfig& config, const std::string& run, const Dataset& data,
                                const ConfigArguments& arguments, bool other_data = false);

/// Throws Error if `path` cannot be a file to write because it is a folder (or as output_place does): better told
/// before the work than after it. Or because it is one of `inputs`, files that the command reads, or a part of a run or
/// of a data set: writing would destroy what cannot be had again. What is written into (a device, a pipe) is neither.
void check_output_file(const std::string& path, std::span<const std::string> inputs = {});

/// Throws Error if two options name one file, which both would replace. `options`: "--out and --html".
void check_different_outputs(const std::string& one, const std::string& other, std::string_view options);

/// What is wrong with this text as a number (nan), or nothing. A check for CLI11, whose ranges let nan pass.
std::string check_number(const std::string& text);

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
/// --precision alone, for what runs on the CPU only.
void add_precision_option(CLI::App& command, std::string& precision);
/// Threads and the device that was asked for. Throws Error in one line if it is not here.
std::unique_ptr<Runtime> open_runtime(const DeviceArguments& arguments);

struct RunArguments {
  std::string run;
  std::string checkpoint = "best";
  std::string data;    ///< prepared
  std::string corpus;  ///< or not: to be prepared for the run, in memory
  std::string labels;  ///< of the corpus
  std::vector<std::string> label_columns;
  bool verify = false;
  std::string split = "valid";
  DeviceArguments device;
};
void add_run_options(CLI::App& command, RunArguments& arguments, bool with_data);
/// The files that such a command reads of a corpus and its labels, for check_output_file. Throws Error if the corpus is
/// given and is no folder.
std::vector<std::string> corpus_files(const RunArguments& arguments);

/// The data for a run: the corpus that was given, prepared for it; else the data that was given; else that it was
/// trained on. Throws Error unless it fits the run (check_fits).
Dataset open_data(const CheckpointInfo& info, const RunArguments& arguments);

/// An option --label-column NAME=FILE that may be given again.
void add_label_column_option(CLI::App& command, std::vector<std::string>& columns);
std::vector<LabelColumnFile> parse_label_columns(const std::vector<std::string>& columns);

}  // namespace ethreed
