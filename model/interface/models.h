#pragma once
// The models there are: the lines of model/model_table.def.

#include "model/interface/data_description.h"
#include "model/interface/model.h"
#include "model/interface/recipe.h"

#include <nlohmann/json_fwd.hpp>

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ethreed {

/// Keys to change, and where they come from ("run.json", "command line") for messages.
struct ConfigPatch {
  const nlohmann::json* keys = nullptr;  ///< {"model": {…}, "training": {…}}, either may be absent
  std::string source;
  /// It comes from a run on other data: sizes that the data says (and whether it has labels) are passed over.
  bool of_other_data = false;
};

/// A line of the table.
struct ModelKind {
  std::string_view name;                            ///< "ethreed"
  std::string_view summary;                         ///< one line for people
  std::string_view variant_key;                     ///< the key of section `model` that names a variant
  std::span<const std::string_view> (*variants)();  ///< its values, the first the whole model
  Recipe (*recipe)();                               ///< the recipe of its paper
  std::span<const NamedRecipe> (*recipes)();        ///< others that it has
  /// A model for this data (null: for none yet, as of a checkpoint): defaults, the sizes of the data, then the patches
  /// in order, which change `recipe`, too. Throws Error naming the source and the key if one does not exist, has the
  /// wrong type, is out of range or contradicts the data.
  std::unique_ptr<Model> (*make)(const DataDescription* data, std::span<const ConfigPatch> patches, Recipe& recipe);
};

/// Every model, in the order of the table.
std::span<const ModelKind> model_kinds();
/// Throws Error naming all of them if there is none of this name.
const ModelKind& model_kind(std::string_view name);
/// The keys of this recipe of the model: none for "paper", which every model has. Throws Error naming its recipes if
/// there is no such one.
nlohmann::json recipe_keys(const ModelKind& kind, std::string_view name);
/// Names of all models, joined by ", ".
std::string model_names();

}  // namespace ethreed
