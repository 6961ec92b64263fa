#include "model/training/checkpoint.h"

#include "core/abandoned_files.h"
#include "core/atomic_file.h"
#include "core/hash.h"
#include "core/json.h"
#include "core/mapped_file.h"
#include "core/safetensors.h"
#include "model/interface/make_model.h"
#include "model/text/vocabulary.h"
#include "model/training/checkpoint_state.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include <array>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <limits>
#include <string_view>
#include <system_error>

namespace ethreed {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

bool is_known_format(const Json& format) {
  return format.is_number_integer() && format >= 1 && format <= latest_checkpoint_format;
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

[[noreturn]] void fail_as_damaged(const fs::path& path, const Json::exception& error) {
  fail("{}: damaged ({}); use another checkpoint", path.string(), reason_of(error));
}

Json read_json(const fs::path& path) {
  ETHREED_CHECK(fs::is_regular_file(path), "{}: missing or not readable; the checkpoint is incomplete, use another one",
                path.string());
  return parse_json<Json>(MappedFile(path).text(), path.string(), "the file is damaged, use another checkpoint");
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

constexpr const char* state_name = "state.json";

// Of all that state.json says but this.
std::string fingerprint_of_state(Json state) {
  state[fingerprints_key].erase(state_name);
  return Fingerprint().add(state.dump()).text();
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
  const auto fingerprint = [&] { return name == state_name ? fingerprint_of_state(state) : fingerprint_of(path); };
  ETHREED_CHECK(known.is_object() && known.contains(name) && known[name] == fingerprint(),
                "{}: was changed after the checkpoint was saved; use another checkpoint, or remove '{}' from {} if you "
                "meant the change",
                path.string(), fingerprints_key, (directory / state_name).string());
}

// Its own fingerprint came with format 3.
Json read_state_json(const fs::path& directory) {
  const fs::path path = directory / state_name;
  Json state = read_json(path);
  ETHREED_CHECK(
      state.is_object() && is_known_format(state.value("format", Json())),
      "{}: not a checkpoint of a format up to {}; it was made by another version of the program, use that one",
      path.string(), latest_checkpoint_format);
  if (state["format"] >= 3) check_unchanged(directory, state, state_name);
  return state;
}

Json data_to_json(const CheckpointInfo& info) {
  Json json{{"name", info.data_name},
            {"fingerprint", info.data_fingerprint},
            {"max_length", info.max_length},
            {"max_situation_length", info.max_situation_length},
            {"min_frequency", info.min_frequency}};
  if (info.tokens != TokenRules::own) json["tokens"] = name_of(info.tokens);
  for (const LabelSet& set : info.labels) json["labels"][set.name] = set.classes;
  return json;
}

void read_data(const Json& json, CheckpointInfo& info) {
  info.data_name = json.at(info.format < 3 ? "path" : "name");
  info.data_fingerprint = json.at("fingerprint");
  if (json.contains("labels"))
    for (const auto& [name, classes] : json.at("labels").items())
      info.labels.push_back({name, classes.get<std::vector<std::string>>()});
  if (info.format < 3) return;
  const auto number = [&](const char* key, std::int64_t low, std::int64_t high) {
    const auto value = json.at(key).get<std::int64_t>();
    ETHREED_CHECK(value >= low && value <= high, "data.{} is {}, wanted {} to {}", key, value, low, high);
    return value;
  };
  info.max_length = static_cast<int>(number("max_length", 2, 10'000));
  info.max_situation_length = static_cast<int>(number("max_situation_length", 2, 10'000));
  info.min_frequency = number("min_frequency", 1, 1'000'000'000);
  if (info.format >= 4) info.tokens = token_rules_named(json.at("tokens").get<std::string>());
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
  const fs::path fresh = temporary_beside(directory);
  std::error_code ignored;
  fs::remove_all(fresh, ignored);
  try {
    fs::create_directories(fresh);
    SafetensorsWriter parameters;
    const bool averaged = model.average.count() > 0;
    add_block(parameters, model.layout, averaged ? model.average : model.values, "");
    parameters.add_metadata("format", "1");  // of the names and layouts of tensors
    parameters.write(fresh / "model.safetensors");
    SafetensorsWriter moments;
    add_block(moments, model.layout, model.first_moment, ".m");
    add_block(moments, model.layout, model.second_moment, ".v");
    if (averaged) add_block(moments, model.layout, model.values, ".current");
    moments.write(fresh / "optimizer.safetensors");
    std::string words;
    for (const std::string& word : info.vocabulary) words += word + "\n";
    write_text_atomically(fresh / "vocabulary.txt", words);
    Json config = to_json(info.config);
    const int format = info.tokens == TokenRules::own ? checkpoint_format : latest_checkpoint_format;
    config["format"] = format;
    config["data"] = data_to_json(info);
    if (!info.started_from.empty()) config["started_from"] = info.started_from;
    write_text_atomically(fresh / "config.json", config.dump(2) + "\n");
    Json state = state_to_json(info);
    state["format"] = format;
    state[fingerprints_key] = fingerprints_of(fresh);
    state[fingerprints_key][state_name] = fingerprint_of_state(state);
    write_text_atomically(fresh / state_name, state.dump(2) + "\n");
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
      config_path.string(), latest_checkpoint_format);
  info.format = config["format"];
  try {
    check_as(config_path.string(), [&] { read_data(config.at("data"), info); });
    info.started_from = config.value("started_from", std::string());
  } catch (const Json::exception& error) {
    fail_as_damaged(config_path, error);
  }
  config.erase("started_from");
  config.erase("format");
  config.erase("data");
  const ConfigPatch everything{&config, config_path.string()};
  info.config = make_run_config("", nullptr, {&everything, 1});
  const Json state = read_state_json(directory);
  read_state(state, directory / state_name, info);
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
  const Json state = read_state_json(directory);
  check_unchanged(directory, state, "model.safetensors");
  if (model.first_moment.count() == 0) return;
  const SafetensorsFile moments(directory / "optimizer.safetensors");
  const std::size_t parameters_in_it = model.layout.entries().size();
  const bool averaged = moments.names().size() == 3 * parameters_in_it;
  if (!averaged) check_tensor_count(moments, 2 * parameters_in_it);
  read_block(moments, model.layout, ".m", model.first_moment);
  read_block(moments, model.layout, ".v", model.second_moment);
  if (averaged) {
    model.average = model.values.clone();
    read_block(moments, model.layout, ".current", model.values);
  }
  check_unchanged(directory, state, "optimizer.safetensors");
}

bool has_checkpoint(const fs::path& run, const std::string& which) { return fs::exists(run / which / "config.json"); }

fs::path checkpoint_in(const fs::path& run, const std::string& which) {
  if (fs::exists(run / "config.json")) return run;
  ETHREED_CHECK(fs::exists(run), "{}: no such run; train one with `ethreed train --out {}`", run.string(),
                run.string());
  if (has_checkpoint(run, which)) return run / which;
  ETHREED_CHECK(!has_checkpoint(run, which + ".old"),
                "{}: holds no checkpoint '{}', but '{}.old': the process that was replacing it was killed; `ethreed "
                "train --resume` puts it back, or give {}.old as the run",
                run.string(), which, which, (run / which).string());
  ETHREED_CHECK(which != "best" || !has_checkpoint(run, "last"),
                "{}: holds no checkpoint 'best' yet (the first epoch's end makes it); use --checkpoint last",
                run.string());
  ETHREED_CHECK(which != "last" || !has_checkpoint(run, "best"),
                "{}: holds the checkpoint 'best' only; use --checkpoint best", run.string());
  fail("{}: holds no checkpoint '{}'; train first, or give another run", run.string(), which);
}

void verify_checkpoint(const fs::path& directory) {
  (void)load_checkpoint_info(directory);
  const Json state = read_state_json(directory);
  ETHREED_CHECK(state.contains(fingerprints_key), "{}: has no '{}', so nothing can be verified",
                (directory / state_name).string(), fingerprints_key);
  for (const char* name : vouched_files) check_unchanged(directory, state, name);
}

std::string parameters_fingerprint(const fs::path& directory) {
  return fingerprint_of(directory / "model.safetensors");
}

void sweep_leftovers(const fs::path& run) {
  try {
    std::vector<fs::path> half_written;
    for (const auto& entry : fs::directory_iterator(run))
      if (is_temporary(entry.path())) half_written.push_back(entry.path());
    for (const fs::path& path : half_written) fs::remove_all(path);
    for (const char* name : {"last", "best"}) {
      const fs::path path = run / name, old = run / (std::string(name) + ".old");
      if (!fs::exists(old)) continue;
      if (fs::exists(path))
        fs::remove_all(old);
      else
        fs::rename(old, path);
    }
  } catch (const fs::filesystem_error& error) {
    fail("{}: what a process that was killed left there cannot be put in order: {}", run.string(),
         error.code().message());
  }
}

WordTable CheckpointInfo::word_table() const {
  WordTable words(tokens);
  for (const std::string& word : vocabulary) words.id(word);
  return words;
}

double ValidationFigures::value(const std::string& name) const {
  const auto found = values.find(name);
  return found == values.end() ? std::numeric_limits<double>::quiet_NaN() : found->second;
}

double RunningLosses::mean(std::size_t k) const {
  return steps_with[k] == 0 ? std::numeric_limits<double>::quiet_NaN() : term[k] / static_cast<double>(steps);
}

bool TrainingProgress::is_over(const Recipe& recipe) const {
  const bool counts = recipe.patience > 0 && epoch >= recipe.first_best_epoch;
  return epoch >= recipe.epochs || (counts && epoch - 1 - best.epoch >= recipe.patience);
}

template void load_checkpoint_tensors(const fs::path&, ModelState<float>&);
template void load_checkpoint_tensors(const fs::path&, ModelState<double>&);

}  // namespace ethreed
