#pragma once
// What a run is made of: a configured model and a recipe. Read from JSON, checked, written back.

#include "model/interface/models.h"

#include <memory>

namespace ethreed {

struct RunConfig {
  std::shared_ptr<const Model> model;
  Recipe recipe;
};

/// {"model": {"name": …, …}, "training": {…}} with every key.
nlohmann::json to_json(const RunConfig& config);

/// What a data set tells a model.
DataDescription describe(const Dataset& data);

/// The model of such a configuration: `name`, or what a patch's key model.name says, or the first of the table. Throws
/// Error if these contradict each other or there is no such model.
const ModelKind& named_kind(const std::string& name, std::span<const ConfigPatch> patches);

/// A configuration from patches in order of the model that named_kind() says (see ModelKind::make). Throws Error as
/// these do.
RunConfig make_run_config(const std::string& name, const DataDescription* data, std::span<const ConfigPatch> patches);

/// The content of a JSON file. Throws Error if it cannot be read or parsed.
nlohmann::json read_json_file(const std::string& path);

/// A hash of what a model learns from: its part of the training split (Dataset::training_fingerprint). It decides
/// whether a run may go on with this data.
std::string learned_fingerprint(const Model& model, const Dataset& data);

/// What checkpoints of formats 1 and 2 kept in its place: the fingerprint of all dialogues, for a model of texts that
/// of the texts, too.
std::string fingerprint_for(const Model& model, const Dataset& data);

}  // namespace ethreed
