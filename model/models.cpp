#include "model/interface/models.h"
#include "core/error.h"
#include "core/json.h"

#include <nlohmann/json.hpp>

#include <array>

namespace ethreed {

#define ETHREED_MODEL(name) ModelKind name##_model();
#include "model/model_table.def"
#undef ETHREED_MODEL

std::span<const ModelKind> model_kinds() {
  static const auto table = std::to_array<ModelKind>({
#define ETHREED_MODEL(name) name##_model(),
#include "model/model_table.def"
#undef ETHREED_MODEL
  });
  return table;
}

const ModelKind& model_kind(std::string_view name) {
  for (const ModelKind& kind : model_kinds())
    if (kind.name == name) return kind;
  fail("model '{}' does not exist; give one of {}", cut_text(name), model_names());
}

nlohmann::json recipe_keys(const ModelKind& kind, std::string_view name) {
  if (name == "paper") return nlohmann::json::object();
  std::string names = "paper";
  for (const NamedRecipe& recipe : kind.recipes()) {
    if (recipe.name == name) return nlohmann::json::parse(recipe.keys);
    names.append(", ").append(recipe.name);
  }
  fail("model '{}' has no recipe '{}'; it has {}", kind.name, cut_text(name), names);
}

std::string model_names() {
  std::string names;
  for (const ModelKind& kind : model_kinds()) names.append(names.empty() ? "" : ", ").append(kind.name);
  return names;
}

}  // namespace ethreed
