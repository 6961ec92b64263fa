#include "model/training/checkpoint.h"

#include "core/atomic_file.h"
#include "core/hash.h"
#include "core/mapped_file.h"
#include "core/safetensors.h"
#include "model/text/vocabulary.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include <array>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <string_view>
#include <system_error>

namespace ethreed {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

// A checkpoint that has no figures yet still names them, as zeros.
Json to_json(const ValidationFigures& figures, const Model& model) {
  Json json{{"epoch", figures.epoch}};
  for (const FigureColumn& column : model.figures()) {
    const auto found = figures.values.find(std::string(column.name));
    if (column.logged) json[std::string(column.name)] = found == figures.values.end() ? 0.0 : found->second;
  }
  return json;
}

ValidationFigures figures_from(const Json& json, const Model& model) {
  ValidationFigures figures{.epoch = json.at("epoch").get<int>()};
  for (const FigureColumn& column : model.figures())
    if (column.logged) figures.values[std::string(column.name)] = json.at(std::string(column.name)).get<double>();
  return figures;
}

Json to_json(const TrainingProgress& progress, const Model& model) {
  Json running{{"total", progress.running.total},
               {"gradient_norm", progress.running.gradient_norm},
               {"steps", progress.running.steps},
               {"tokens", progress.running.tokens}};
  for (std::size_t k = 0; k < model.losses().size(); ++k)
    running[std::string(model.losses()[k].name)] = progress.running.term[k];
  return {
      {"epoch", progress.epoch},       {"next_batch", progress.next_batch},     {"step", progress.step},
      {"finished", progress.finished}, {"last", to_json(progress.last, model)}, {"best", to_json(progress.best, model)},
      {"running", std::move(running)}};
}

TrainingProgress progress_from(const Json& json, const Model& model) {
  TrainingProgress progress{.epoch = json.at("epoch").get<int>(),
                            .next_batch = json.at("next_batch").get<std::int64_t>(),
                            .step = json.at("step").get<std::int64_t>(),
                            .finished = json.at("finished").get<bool>(),
                            .last = figures_from(json.at("last"), model),
                            .best = figures_from(json.at("best"), model)};
  const Json& running = json.at("running");
  progress.running.total = running.at("total").get<double>();
  progress.running.gradient_norm = running.at("gradient_norm").get<double>();
  progress.running.steps = running.at("steps").get<std::int64_t>();
  progress.running.tokens = running.at("tokens").get<std::int64_t>();
  for (std::size_t k = 0; k < model.losses().size(); ++k)
    progress.running.term[k] = running.at(std::string(model.losses()[k].name)).get<double>();
  return progress;
}

bool is_known_format(const Json& format) {
  return format.is_number_integer() && format >= 1 && format <= checkpoint_format;
}

// Puts the directory `fresh` in the place of `target`, in one step where the system can exchange two names.
void replace_directory(const fs::path& fresh, const fs::path& target) {
  if (!fs::exists(target)) {
    fs::rename(fresh, target);
    return;
  }
  if (::syscall(SYS_renameat2, AT_FDCWD, fresh.c_str(), AT_FDCWD, target.c_str(), RENAME_EXCHANGE) != 0) {
    // A file system without exchange: the old one steps aside first; a crash between the two leaves it as "<name>.old".
    const fs::path old = target.string() + ".old";
    fs::remove_all(old);
    fs::rename(target, old);
    fs::rename(fresh, target);
    fs::remove_all(old);
    return;
  }
  fs::remove_all(fresh);  // it holds what was there before
}

// Without the "[json.exception.…] " in front.
std::string reason(const Json::exception& error) {
  const std::string text = error.what();
  const std::size_t end = text.find("] ");
  return end == std::string::npos ? text : text.substr(end + 2);
}

[[noreturn]] void fail_as_damaged(const fs::path& path, const Json::exception& error) {
  fail("{}: damaged ({}); use another checkpoint", path.string(), reason(error));
}

Json read_json(const fs::path& path) {
  std::ifstream stream(path);
  ETHREED_CHECK(stream, "{}: missing or not readable; the checkpoint is incomplete, use another one", path.string());
  try {
    return Json::parse(stream);
  } catch (const Json::exception& error) {
    fail_as_damaged(path, error);
  }
}

// The files that state.json vouches for: one changed by hand or by a failing disk is found out when it is read.
constexpr std::array vouched_files{"config.json", "model.safetensors", "optimizer.safetensors", "vocabulary.txt"};
constexpr const char* fingerprints_key = "fingerprints";

std::string fingerprint_of(const fs::path& path) { return Fingerprint().add(MappedFile(path).text()).text(); }

Json fingerprints_of(const fs::path& directory) {
  Json fingerprints;
  for (const char* name : vouched_files) fingerprints[name] = fingerprint_of(directory / name);
  return fingerprints;
}

void check_tensor_count(const SafetensorsFile& file, std::size_t wanted) {
  ETHREED_CHECK(file.names().size() == wanted,
                "{}: holds {} tensors, this configuration has {}; the file belongs to another model",
                file.path().string(), file.names().size(), wanted);
}

// Found out before memory is taken for a model of the sizes that config.json claims.
void check_shapes(const fs::path& path, const ParameterLayout& layout) {
  const SafetensorsFile file(path);
  check_tensor_count(file, layout.entries().size());
  for (const auto& entry : layout.entries()) (void)file.tensor<float>(entry.name, entry.shape);
}

// A checkpoint that another program wrote may come without fingerprints.
void check_unchanged(const fs::path& directory, const Json& state, const std::string& name) {
  if (!state.contains(fingerprints_key)) return;
  const Json& known = state[fingerprints_key];
  const fs::path path = directory / name;
  ETHREED_CHECK(known.is_object() && known.contains(name) && known[name] == fingerprint_of(path),
                "{}: was changed after the checkpoint was saved; use another checkpoint, or remove '{}' from {} if you "
                "meant the change",
                path.string(), fingerprints_key, (directory / "state.json").string());
}

TrainingProgress parse_progress(const Json& state, const Model& model, const fs::path& path) {
  ETHREED_CHECK(
      state.is_object() && is_known_format(state.value("format", Json())),
      "{}: not a checkpoint of a format up to {}; it was made by another version of the program, use that one",
      path.string(), checkpoint_format);
  TrainingProgress progress;
  try {
    progress = progress_from(state, model);
  } catch (const Json::exception& error) {
    fail_as_damaged(path, error);
  }
  ETHREED_CHECK(progress.epoch >= 0 && progress.next_batch >= 0 && progress.step >= 0 && progress.running.steps >= 0,
                "{}: epoch {}, next_batch {}, step {} and running.steps {} cannot be negative; use another checkpoint",
                path.string(), progress.epoch, progress.next_batch, progress.step, progress.running.steps);
  return progress;
}

void add_block(SafetensorsWriter& writer, const ParameterLayout& layout, const Tensor<float>& block,
               const std::string& suffix) {
  for (const auto& entry : layout.entries())
    writer.add(entry.name + suffix, View<const float>(block.data() + entry.offset, entry.shape));
}

template <class T>
void read_block(const SafetensorsFile& file, const ParameterLayout& layout, const std::string& suffix,
                Tensor<T>& block) {
  for (const auto& entry : layout.entries()) {
    const auto values = file.tensor<float>(entry.name + suffix, entry.shape);
    for (std::int64_t i = 0; i < values.count(); ++i) {
      ETHREED_CHECK(std::isfinite(values[i]),
                    "{}: tensor '{}' holds a value that is not finite at {}; use another checkpoint",
                    file.path().string(), entry.name + suffix, i);
      block[entry.offset + i] = static_cast<T>(values[i]);
    }
  }
}

}  // namespace

void save_checkpoint(const fs::path& directory, const ModelState<float>& model, const CheckpointInfo& info) {
  const fs::path fresh = directory.string() + ".tmp-" + std::to_string(::getpid());
  std::error_code ignored;
  fs::remove_all(fresh, ignored);
  try {
    fs::create_directories(fresh);
    SafetensorsWriter parameters;
    add_block(parameters, model.layout, model.values, "");
    parameters.add_metadata("format", "1");  // of the names and layouts of tensors
    parameters.write(fresh / "model.safetensors");
    SafetensorsWriter moments;
    add_block(moments, model.layout, model.first_moment, ".m");
    add_block(moments, model.layout, model.second_moment, ".v");
    moments.write(fresh / "optimizer.safetensors");
    std::string words;
    for (const std::string& word : info.vocabulary) words += word + "\n";
    write_text_atomically(fresh / "vocabulary.txt", words);
    Json config = to_json(info.config);
    config["format"] = checkpoint_format;
    config["data"] = {{"path", info.data_path}, {"fingerprint", info.data_fingerprint}};
    for (const LabelSet& set : info.labels) config["data"]["labels"][set.name] = set.classes;
    write_text_atomically(fresh / "config.json", config.dump(2) + "\n");
    Json state = to_json(info.progress, *info.config.model);
    state["format"] = checkpoint_format;
    state[fingerprints_key] = fingerprints_of(fresh);
    write_text_atomically(fresh / "state.json", state.dump(2) + "\n");
    replace_directory(fresh, directory);
  } catch (const fs::filesystem_error& error) {
    fs::remove_all(fresh, ignored);
    fail("{}: cannot write the checkpoint: {}; the one before is untouched", directory.string(),
         error.code().message());
  } catch (const Error& error) {
    fs::remove_all(fresh, ignored);
    // Names the file as it would have been called, as the temporary folder is gone by now.
    const std::string text = error.what();
    if (!text.starts_with(fresh.string())) throw;
    fail("{}{}{}", directory.string(), text.substr(fresh.string().size()),
         fs::exists(directory) ? "; the checkpoint before is untouched" : "");
  } catch (...) {
    fs::remove_all(fresh, ignored);
    throw;
  }
}

CheckpointInfo load_checkpoint_info(const fs::path& directory) {
  CheckpointInfo info;
  const fs::path config_path = directory / "config.json";
  Json config = read_json(config_path);
  ETHREED_CHECK(
      config.is_object() && config.contains("format") && is_known_format(config["format"]),
      "{}: not a checkpoint of a format up to {}; it was made by another version of the program, use that one",
      config_path.string(), checkpoint_format);
  try {
    info.data_path = config.at("data").at("path");
    info.data_fingerprint = config.at("data").at("fingerprint");
    if (config.at("data").contains("labels"))
      for (const auto& [name, classes] : config.at("data").at("labels").items())
        info.labels.push_back({name, classes.get<std::vector<std::string>>()});
  } catch (const Json::exception& error) {
    fail_as_damaged(config_path, error);
  }
  config.erase("format");
  config.erase("data");
  const ConfigPatch everything{&config, config_path.string()};
  info.config = make_run_config("", nullptr, {&everything, 1});
  const fs::path state_path = directory / "state.json";
  const Json state = read_json(state_path);
  info.progress = parse_progress(state, *info.config.model, state_path);
  check_unchanged(directory, state, "config.json");
  const WordTable words = load_vocabulary(directory / "vocabulary.txt");
  ETHREED_CHECK(words.size() == info.config.model->vocabulary(),
                "{}: {} words, but config.json says V = {}; the checkpoint is damaged, use another one",
                (directory / "vocabulary.txt").string(), words.size(), info.config.model->vocabulary());
  check_unchanged(directory, state, "vocabulary.txt");
  check_shapes(directory / "model.safetensors", info.config.model->layout());
  for (std::int32_t id = 0; id < words.size(); ++id) info.vocabulary.emplace_back(words.word(id));
  return info;
}

template <class T> void load_checkpoint_tensors(const fs::path& directory, ModelState<T>& model) {
  const SafetensorsFile parameters(directory / "model.safetensors");
  check_tensor_count(parameters, model.layout.entries().size());
  read_block(parameters, model.layout, "", model.values);
  const Json state = read_json(directory / "state.json");
  check_unchanged(directory, state, "model.safetensors");
  if (model.first_moment.count() == 0) return;
  const SafetensorsFile moments(directory / "optimizer.safetensors");
  check_tensor_count(moments, 2 * model.layout.entries().size());
  read_block(moments, model.layout, ".m", model.first_moment);
  read_block(moments, model.layout, ".v", model.second_moment);
  check_unchanged(directory, state, "optimizer.safetensors");
}

bool has_checkpoint(const fs::path& run, const std::string& which) { return fs::exists(run / which / "config.json"); }

fs::path checkpoint_in(const fs::path& run, const std::string& which) {
  if (fs::exists(run / "config.json")) return run;
  ETHREED_CHECK(fs::exists(run), "{}: no such run; train one with `ethreed train --out {}`", run.string(),
                run.string());
  const std::string other = which == "best" ? "last" : "best";
  ETHREED_CHECK(has_checkpoint(run, which) || !has_checkpoint(run, other),
                "{}: holds no checkpoint '{}' yet (the first epoch's end makes it); use --checkpoint {}", run.string(),
                which, other);
  ETHREED_CHECK(has_checkpoint(run, which), "{}: holds no checkpoint '{}'; train first, or give another run",
                run.string(), which);
  return run / which;
}

template void load_checkpoint_tensors(const fs::path&, ModelState<float>&);
template void load_checkpoint_tensors(const fs::path&, ModelState<double>&);

}  // namespace ethreed
