#include "model/training/run_data.h"

#include "core/error.h"
#include "core/json.h"
#include "model/text/emotions.h"

#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <set>

namespace ethreed {

namespace {

constexpr std::string_view emotion_set = "emotion";

// Keys of section `training` that may change when a run is taken up again.
constexpr std::array<std::string_view, 8> changeable{
    "epochs",    "learning_rate", "learning_rate_factor", "learning_rate_epochs", "schedule", "warm_up_steps",
    "clip_norm", "patience"};

std::set<std::string> label_sets_of(const Model& model) {
  std::set<std::string> names;
  if (!model.label_set().empty()) names.emplace(model.label_set());
  for (const InsightColumn& column : model.insights())
    if (!column.label_set.empty()) names.emplace(column.label_set);
  return names;
}

// The first word in which two vocabularies differ, for a message.
std::string first_difference(const CheckpointInfo& info, const Dataset& data) {
  const auto n = std::min<std::size_t>(info.vocabulary.size(), static_cast<std::size_t>(data.vocabulary_size()));
  for (std::size_t i = 0; i < n; ++i)
    if (const std::string_view word = data.word(static_cast<std::int32_t>(i)); word != info.vocabulary[i])
      return fmt::format("word {} is '{}' there and '{}' in the run", i, cut_text(word), cut_text(info.vocabulary[i]));
  return fmt::format("{} words there, {} in the run", data.vocabulary_size(), info.vocabulary.size());
}

}  // namespace

CheckpointInfo info_of_new_run(RunConfig config, const Dataset& data, const std::filesystem::path& path) {
  CheckpointInfo info;
  info.config = std::move(config);
  const Model& model = *info.config.model;
  std::filesystem::path whole = std::filesystem::absolute(path).lexically_normal();
  if (!whole.has_filename()) whole = whole.parent_path();  // "data/"
  info.data_name = whole.filename().string();
  info.data_fingerprint = learned_fingerprint(model, data);
  info.max_length = data.max_length();
  if (data.max_situation_length() > 0) info.max_situation_length = data.max_situation_length();
  info.min_frequency = data.min_frequency();
  info.tokens = data.tokens();
  const DataDescription description = describe(data);
  std::set<std::string> names = label_sets_of(model);
  names.emplace(emotion_set);  // of the data that is made for the run
  for (const std::string& name : names)
    if (const LabelSet* set = description.find(name)) info.labels.push_back(*set);
  for (std::int32_t id = 0; id < data.vocabulary_size(); ++id) info.vocabulary.emplace_back(data.word(id));
  return info;
}

std::vector<std::string> classes_of(const CheckpointInfo& info, std::string_view label_set) {
  for (const LabelSet& set : info.labels)
    if (set.name == label_set) return set.classes;
  ETHREED_CHECK(label_set == emotion_set, "the checkpoint does not know the classes of '{}'; train the run again",
                label_set);
  return {emotion_names.begin(), emotion_names.end()};  // before format 3 there were no others
}

std::vector<std::string> classes_of(const CheckpointInfo& info, const InsightColumn& column) {
  if (!column.label_set.empty()) return classes_of(info, column.label_set);
  return {column.classes.begin(), column.classes.end()};
}

void check_fits(const CheckpointInfo& info, const Dataset& data, const std::string& run) {
  const WordTable vocabulary = data.vocabulary();
  bool same = static_cast<std::size_t>(vocabulary.size()) == info.vocabulary.size();
  for (std::int32_t id = 0; same && id < vocabulary.size(); ++id)
    same = vocabulary.word(id) == info.vocabulary[static_cast<std::size_t>(id)];
  ETHREED_CHECK(
      same,
      "{}: its vocabulary is not that of {} ({}); make data for the run with: ethreed prepare CORPUS --like {} "
      "--out DIR",
      data.path().parent_path().string(), run, first_difference(info, data), run);
  ETHREED_CHECK(
      data.tokens() == info.tokens,
      "{}: its tokens are '{}', those of {} '{}'; make data for the run with: ethreed prepare CORPUS --like {} "
      "--out DIR",
      data.path().parent_path().string(), name_of(data.tokens()), run, name_of(info.tokens), run);
  const DataDescription description = describe(data);
  for (const std::string& name : label_sets_of(*info.config.model)) {
    const LabelSet* set = description.find(name);
    ETHREED_CHECK(set == nullptr || set->classes == classes_of(info, name),
                  "{}: its classes of '{}' are not those of {}; make data for the run with: ethreed prepare CORPUS "
                  "--like {} --out DIR",
                  data.path().parent_path().string(), name, run, run);
  }
}

bool learned_from(const CheckpointInfo& info, const Dataset& data) {
  const Model& model = *info.config.model;
  return info.data_fingerprint == (info.format < 3 ? fingerprint_for(model, data) : learned_fingerprint(model, data));
}

DataLikeness likeness_of(const CheckpointInfo& info) {
  DataLikeness like{.vocabulary = info.vocabulary,
                    .labels = {},
                    .emotions = classes_of(info, emotion_set),
                    .min_frequency = info.min_frequency,
                    .max_length = info.max_length,
                    .max_situation_length = info.max_situation_length,
                    .dimension = info.config.model->model_config().value("embedding", 0),
                    .tokens = info.tokens};
  for (const LabelSet& set : info.labels)
    if (set.name != emotion_set) like.labels.push_back({set.name, set.classes});
  return like;
}

std::vector<std::string> changes_between(const RunConfig& before, const RunConfig& after, const std::string& run) {
  const nlohmann::json old_keys = to_json(before), new_keys = to_json(after);
  std::vector<std::string> changes, refused;
  for (const char* section : {"model", "training"}) {
    std::set<std::string> keys;  // some are written only where they say something
    for (const auto* side : {&old_keys, &new_keys})
      for (const auto& [key, value] : side->at(section).items()) keys.insert(key);
    for (const std::string& key : keys) {
      const auto text = [&](const nlohmann::json& side) {
        return side.at(section).contains(key) ? side.at(section).at(key).dump() : std::string("the usual");
      };
      if (text(old_keys) == text(new_keys)) continue;
      const bool may = section == std::string_view("training") &&
                       std::find(changeable.begin(), changeable.end(), key) != changeable.end();
      (may ? changes : refused).push_back(may ? fmt::format("{}: {} → {}", key, text(old_keys), text(new_keys)) : key);
    }
  }
  ETHREED_CHECK(refused.empty(),
                "{}: --resume goes on with the run's own configuration, but {} would change (only {} may); leave the "
                "other options out, or start a new run (--from {} takes over what this one learned)",
                run, fmt::join(refused, ", "), fmt::join(changeable, ", "), run);
  return changes;
}

}  // namespace ethreed
