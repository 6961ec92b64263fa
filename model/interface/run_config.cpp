#include "model/interface/run_config.h"

#include "core/error.h"
#include "core/json.h"
#include "core/mapped_file.h"
#include "model/interface/make_model.h"
#include "model/text/dataset.h"

#include <nlohmann/json.hpp>

#include <filesystem>

namespace ethreed {

using Json = nlohmann::json;

Json to_json(const RunConfig& config) {
  Recipe recipe = config.recipe;
  Json json;
  json["model"] = config.model->model_config();
  json["model"]["name"] = config.model->name();
  json["training"] = fields_to_json(recipe.fields());
  json["training"].update(config.model->training_config());
  return json;
}

DataDescription describe(const Dataset& data) {
  DataDescription description{.vocabulary = data.vocabulary_size(),
                              .embedding = static_cast<int>(data.vectors().columns()),
                              .listener_labels = data.has_listener_labels(),
                              .listener_distributions = data.has_listener_distributions()};
  description.situations = !data.splits().empty() && data.splits().front().has_situations();
  description.labels.push_back({"emotion", data.emotions().names()});
  for (const LabelColumn& column : data.label_columns())
    description.labels.push_back({column.name, column.classes, data.has_label_distributions(column.name)});
  return description;
}

namespace {

constexpr const char* name_key = "name";

bool has_name(const Json& keys) {
  return keys.is_object() && keys.contains("model") && keys["model"].is_object() && keys["model"].contains(name_key);
}

}  // namespace

const ModelKind& named_kind(const std::string& name, std::span<const ConfigPatch> patches) {
  std::string chosen = name, said_by = "the command line";
  for (const ConfigPatch& patch : patches) {
    if (!has_name(*patch.keys)) continue;
    const Json& given = (*patch.keys)["model"][name_key];
    ETHREED_CHECK(given.is_string(), "{}: model.name: wanted a name, got {}", patch.source, shown(given));
    ETHREED_CHECK(chosen.empty() || chosen == given, "{}: model.name is '{}', but {} says '{}'", patch.source,
                  cut_text(given.get<std::string>()), said_by, cut_text(chosen));
    chosen = given.get<std::string>();
    said_by = patch.source;
  }
  if (chosen.empty()) return model_kinds().front();
  if (!name.empty()) return model_kind(chosen);
  const ModelKind* kind = nullptr;
  check_as(said_by, [&] { kind = &model_kind(chosen); });
  return *kind;
}

RunConfig make_run_config(const std::string& name, const DataDescription* data, std::span<const ConfigPatch> patches) {
  const ModelKind& kind = named_kind(name, patches);
  std::vector<Json> keys;  // the name is no field of a model
  keys.reserve(patches.size());
  std::vector<ConfigPatch> rest;
  for (const ConfigPatch& patch : patches) {
    Json& copy = keys.emplace_back(*patch.keys);
    if (has_name(copy)) copy["model"].erase(name_key);
    rest.push_back({&copy, patch.source, patch.of_other_data});
  }
  RunConfig config{.recipe = kind.recipe()};
  config.model = kind.make(data, rest, config.recipe);
  if (config.recipe.weight_decay != 0)
    for (const auto& entry : config.model->layout().entries())
      ETHREED_CHECK(entry.start.how != Initialisation::from_data,
                    "config key 'weight_decay' is {}, but it would shrink '{}' of model '{}', which are numbers of the "
                    "data; leave it 0",
                    config.recipe.weight_decay, entry.name, kind.name);
  return config;
}

Json read_json_file(const std::string& path) {
  ETHREED_CHECK(std::filesystem::is_regular_file(path),
                "{}: there is no such configuration file; check the path after --config", path);
  return parse_json<Json>(MappedFile(path).text(), path, "mend it there");
}

std::string learned_fingerprint(const Model& model, const Dataset& data) {
  if (model.unit() == Unit::dialogue) {
    const std::string dialogues = data.training_fingerprint(
        {.listener_labels = model.model_config().value("listener_labels", false),
         .listener_distributions = model.training_config().value("listener_distributions", false),
         .label_column = std::string(model.reply_labels().column),
         .label_distributions = model.reply_labels().distributions});
    return model.reads_situations() ? dialogues + "+" + data.training_fingerprint({.situations = true}) : dialogues;
  }
  const TextSource source = model.text_source();
  return data.training_fingerprint(
      {.situations = source == TextSource::situations,
       .label_column = source == TextSource::utterances ? std::string(model.label_set()) : std::string()});
}

std::string fingerprint_for(const Model& model, const Dataset& data) {
  if (model.unit() == Unit::dialogue && !model.reads_situations()) return data.fingerprint();
  return data.fingerprint() + (data.texts_fingerprint().empty() ? "" : "+" + data.texts_fingerprint());
}

}  // namespace ethreed
