#include "tools/ethreed/session.h"

#include "core/output_place.h"
#include "kernels/device/open_device.h"
#include "kernels/gemm/gemm.h"
#include "model/encoders/text_classifier.h"
#include "model/text/corpus_folder.h"
#include "model/text/line_reader.h"
#include "tools/ethreed/run_folder.h"

#include <fmt/ranges.h>
#include <sched.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <thread>

namespace ethreed {

namespace {

namespace fs = std::filesystem;

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

LoadedRun load_run(const RunArguments& arguments) {
  ETHREED_CHECK(!TextClassifier::is_folder_of_one(arguments.run),
                "{}: is the folder of an encoder, not of a run; label, score and report take it as a classifier",
                arguments.run);
  const fs::path directory = checkpoint_in(arguments.run, arguments.checkpoint);
  if (arguments.verify) verify_checkpoint(directory);
  LoadedRun loaded{.info = load_checkpoint_info(directory)};
  loaded.state = std::make_unique<ModelState<float>>(loaded.model().layout(), false);
  load_checkpoint_tensors(directory, *loaded.state);
  return loaded;
}

namespace {

// Where the data of a run lies, as far as is known.
fs::path known_data(const CheckpointInfo& info, const fs::path& run) {
  const fs::path folder = fs::exists(run / "config.json") ? fs::absolute(run / "").parent_path().parent_path() : run;
  const RunFolder known = RunFolder::read(folder);
  if (!known.data.empty()) return (folder / known.data).lexically_normal();
  ETHREED_CHECK(info.format < 3,
                "{}: where the data '{}' lies, that it was trained on, is not known here; say it with --data DIR, or "
                "give a corpus with --corpus DIR",
                run.string(), info.data_name);
  return info.data_name;  // older checkpoints held the whole path
}

}  // namespace

Dataset open_data(const CheckpointInfo& info, const RunArguments& arguments) {
  const std::string& run = arguments.run;
  if (!arguments.corpus.empty()) {
    ETHREED_CHECK(arguments.data.empty(), "--corpus and --data: give one of them");
    PrepareOptions options{.corpus_directory = arguments.corpus, .like = likeness_of(info)};
    if (!arguments.labels.empty()) options.labels = arguments.labels;
    options.label_columns = parse_label_columns(arguments.label_columns);
    PrepareSummary summary;
    Dataset data = prepare_in_memory(options, summary);
    const auto say = [](const Note& note) { fmt::print(stderr, "note: {}\n", note.line()); };
    for (const Note& note : summary.notes) say(note);
    for (const SplitSummary& split : summary.splits)
      for (const Note& note : split.notes) say(note);
    check_fits(info, data, run);
    return data;
  }
  ETHREED_CHECK(arguments.labels.empty() && arguments.label_columns.empty(),
                "--labels and --label-column: are for --corpus; prepared data has its labels");
  const fs::path path = arguments.data.empty() ? known_data(info, run) : fs::path(arguments.data);
  ETHREED_CHECK(!arguments.data.empty() || fs::exists(path),
                "{}: the data that {} was trained on lay here and is gone; say where it is with --data DIR",
                path.string(), run);
  Dataset data = Dataset::open(path);
  if (arguments.verify) data.verify_vocabulary_file();
  check_fits(info, data, run);
  return data;
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
  put("clip_norm", clip_norm);
  put("dropout", dropout);
  return keys;
}

namespace {

RunConfig configuration_on(const nlohmann::json* base, const std::string& source, const Dataset& data,
                           const ConfigArguments& arguments, bool other_data) {
  std::vector<ConfigPatch> patches;
  if (base != nullptr) patches.push_back({base, source, other_data});
  nlohmann::json recipe, file;
  if (!arguments.file.empty()) {
    file = read_json_file(arguments.file);
    patches.push_back({&file, arguments.file, false});
  }
  if (!arguments.recipe.empty()) {
    recipe = recipe_keys(named_kind(arguments.model, patches), arguments.recipe);
    const ConfigPatch patch{&recipe, "recipe '" + arguments.recipe + "'", false};
    patches.insert(base != nullptr ? patches.begin() + 1 : patches.begin(), patch);
  }
  // Which key a variant is, the model says: so the model must be known first.
  const nlohmann::json command_line = arguments.keys(named_kind(arguments.model, patches));
  patches.push_back({&command_line, "command line", false});
  const DataDescription description = describe(data);
  return make_run_config(arguments.model, &description, patches);
}

}  // namespace

RunConfig configuration_for(const Dataset& data, const ConfigArguments& arguments) {
  return configuration_on(nullptr, {}, data, arguments, false);
}

RunConfig changed_configuration(const RunConfig& config, const std::string& run, const Dataset& data,
                                const ConfigArguments& arguments, bool other_data) {
  const nlohmann::json base = to_json(config);
  return configuration_on(&base, run, data, arguments, other_data);
}

void add_model_options(CLI::App& command, ConfigArguments& arguments) {
  std::string variants;
  for (const ModelKind& kind : model_kinds())
    variants += fmt::format("{}{}: {}", variants.empty() ? "" : "; ", kind.name, fmt::join(kind.variants(), ", "));
  command.add_option("--model", arguments.model,
                     fmt::format("Which model: {} [{}]", model_names(), model_kinds().front().name));
  std::string recipes = "paper: of its paper";
  for (const ModelKind& kind : model_kinds())
    for (const NamedRecipe& recipe : kind.recipes())
      recipes += fmt::format("; {} of {}: {}", recipe.name, kind.name, recipe.summary);
  command.add_option("--recipe", arguments.recipe, "Named recipe (" + recipes + ") [paper]");
  command.add_option("--config", arguments.file, "JSON file with keys of 'model' and 'training'")->type_name("FILE");
  command.add_option("--variant,--ablation", arguments.variant, "Variant of the model (" + variants + ")");
}

namespace {

// Is this file a part of a run, a checkpoint or a data set, which whoever reads it needs?
bool belongs_to_run_or_data(const std::filesystem::path& path) {
  constexpr std::array<std::string_view, 8> of_run{"log.csv",        "log.jsonl",         "config.json",
                                                   "state.json",     "model.safetensors", "optimizer.safetensors",
                                                   "vocabulary.txt", "run.json"};
  constexpr std::array<std::string_view, 4> of_data{dataset_file_name, "vocabulary.txt", "summary.json", "summary.txt"};
  const auto has = [&](std::string_view name) { return std::filesystem::exists(path.parent_path() / name); };
  const auto named = [&](const auto& names) {
    return std::find(names.begin(), names.end(), path.filename().string()) != names.end();
  };
  return std::filesystem::exists(path) && ((named(of_run) && (has("last") || has("best") || has("state.json"))) ||
                                           (named(of_data) && has(dataset_file_name)));
}

}  // namespace

void check_output_file(const std::string& path, std::span<const std::string> inputs) {
  if (path.empty()) return;
  const OutputPlace place = output_place(path);
  if (!place.is_replaced) return;
  ETHREED_CHECK(!std::filesystem::is_directory(path), "{}: is a folder; give the path of a file to write", path);
  ETHREED_CHECK(!belongs_to_run_or_data(std::filesystem::absolute(place.path)),
                "{}: belongs to a run or a data set and would be overwritten; give another file to write", path);
  for (const std::string& input : inputs) {
    std::error_code none;  // where one of them is not there, they are not the same
    ETHREED_CHECK(!std::filesystem::equivalent(path, input, none),
                  "{}: is read by this command and would be overwritten; give another file to write", path);
  }
}

void check_different_outputs(const std::string& one, const std::string& other, std::string_view options) {
  if (one.empty() || other.empty()) return;
  const OutputPlace first = output_place(one), second = output_place(other);
  const auto whole = [](const OutputPlace& place) { return fs::weakly_canonical(fs::absolute(place.path)); };
  ETHREED_CHECK(!first.is_replaced || !second.is_replaced || whole(first) != whole(second),
                "{}: {} and {} are the same file; give two", options, one, other);
}

std::vector<std::string> corpus_files(const RunArguments& arguments) {
  std::vector<std::string> files;
  if (arguments.corpus.empty()) return files;
  for (const SplitFile& file : find_split_files(arguments.corpus)) files.push_back(file.path.string());
  if (!arguments.labels.empty()) files.push_back(arguments.labels);
  for (const LabelColumnFile& column : parse_label_columns(arguments.label_columns))
    files.push_back(column.path.string());
  return files;
}

std::string check_number(const std::string& text) {
  return std::isnan(std::strtod(text.c_str(), nullptr)) ? text + " is no number" : std::string();
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
  command
      .add_option("--threads", arguments.threads,
                  "Threads; results do not depend on it [as many as this process may use]")
      ->check(CLI::Range(1, 1024));
  command.add_flag("--tf32", arguments.tf32,
                   "Matrix products on the GPU may round their inputs to TF32: faster, less exact");
  add_precision_option(command, arguments.precision);
}

void add_precision_option(CLI::App& command, std::string& precision) {
  command
      .add_option("--precision", precision,
                  "Of the inputs of matrix products on the CPU; sums and weights stay float32. bf16 is less exact, and "
                  "faster on AMD from Zen 4 and on Intel with AMX")
      ->check(CLI::IsMember({"float32", "bf16"}))
      ->capture_default_str();
}

std::unique_ptr<Runtime> open_runtime(const DeviceArguments& arguments) {
  const Device device = device_from(arguments.device);
  ETHREED_CHECK(!arguments.tf32 || device == Device::cuda, "--tf32: is for --device cuda, this is {}",
                arguments.device);
  ETHREED_CHECK(arguments.precision == "float32" || device == Device::cpu,
                "--precision {}: is for --device cpu, this is {}", arguments.precision, arguments.device);
  const GemmPrecision precision = gemm_precision_from(arguments.precision);
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
  command.add_flag("--verify", arguments.verify,
                   "First compare every file of checkpoint and data with its fingerprint");
  if (!with_data) return;
  command
      .add_option("--data", arguments.data,
                  "Prepared data with the run's vocabulary (prepare --like RUN); default: that it was trained on")
      ->type_name("DIR");
  command.add_option("--corpus", arguments.corpus, "In place of --data: a corpus, prepared for the run in memory")
      ->type_name("CORPUS_DIR");
  command.add_option("--labels", arguments.labels, "With --corpus: emotions of the replies, as in `ethreed prepare`")
      ->type_name("FILE");
  add_label_column_option(command, arguments.label_columns);
  command.add_option("--split", arguments.split, "Split of the data")
      ->check(CLI::IsMember({"train", "valid", "test"}))
      ->capture_default_str();
}

namespace {

// A name that is none, or one twice, is refused by prepare.
std::string check_label_column(const std::string& text) {
  const std::size_t mark = text.find('=');
  if (mark != std::string::npos && mark > 0 && mark + 1 < text.size()) return {};
  return fmt::format("'{}' is no column; give NAME=FILE", text);
}

}  // namespace

void add_label_column_option(CLI::App& command, std::vector<std::string>& columns) {
  command
      .add_option("--label-column", columns,
                  "Labels of all utterances under a name: CSV with the columns conv_id, utterance_idx, label (may be "
                  "given again for another column)")
      ->type_name("NAME=FILE")
      ->allow_extra_args(false)
      ->check(check_label_column);
}

std::vector<LabelColumnFile> parse_label_columns(const std::vector<std::string>& columns) {
  std::vector<LabelColumnFile> files;
  for (const std::string& text : columns) {
    const std::size_t mark = text.find('=');
    files.push_back({text.substr(0, mark), text.substr(mark + 1)});
  }
  return files;
}

}  // namespace ethreed
