#pragma once
// From a struct of plain functions to a line of the table.

#include "model/interface/model_of.h"
#include "model/interface/models.h"

namespace ethreed {

/// Applies one patch and checks everything. Throws Error that starts with the patch's source.
template <class Config>
void apply_patch(Config& config, Recipe& recipe, const DataDescription* data, const ConfigPatch& patch);

template <class M>
std::unique_ptr<Model> make_model(const DataDescription* data, std::span<const ConfigPatch> patches, Recipe& recipe) {
  typename M::Config config;
  if (data != nullptr) config.take_data(*data);
  for (const ConfigPatch& patch : patches) apply_patch(config, recipe, data, patch);
  return std::make_unique<ModelOf<M>>(config);
}

/// The line of M.
template <class M> ModelKind kind_of() {
  return {.name = M::name,
          .summary = M::summary,
          .variant_key = M::Config::variant_key,
          .variants = [] { return std::span<const std::string_view>(M::Config::variant_names); },
          .recipe = [] { return M::recipe(); },
          .recipes =
              [] {
                if constexpr (requires { M::recipes(); })
                  return std::span<const NamedRecipe>(M::recipes());
                else
                  return std::span<const NamedRecipe>{};
              },
          .make = &make_model<M>};
}

/// Sizes that the data says, taken over from `from_data`, the same fields of another configuration. Throws Error naming
/// the patch's source if it says another one.
void take_data_fields(const ConfigFields& fields, const ConfigFields& from_data, const ConfigPatch& patch);
/// The patch without the keys whose values the data says, for one that was made for other data.
nlohmann::json without_data_keys(const ConfigFields& fields, const ConfigPatch& patch);
/// Overwrites what the patch has. Throws Error naming its source.
void update_sections(const ConfigFields& model, const ConfigFields& training, const ConfigPatch& patch);
/// Runs check() and lets its errors start with `source`.
void check_as(const std::string& source, const std::function<void()>& check);

template <class Config>
void apply_patch(Config& config, Recipe& recipe, const DataDescription* data, const ConfigPatch& patch) {
  ConfigFields training = recipe.fields();
  for (ConfigField& field : config.training_fields()) training.push_back(std::move(field));
  if (data != nullptr && patch.of_other_data) {
    const nlohmann::json keys = without_data_keys(config.model_fields(), patch);
    apply_patch(config, recipe, data, {&keys, patch.source});
    return;
  }
  check_as(patch.source, [&] { update_sections(config.model_fields(), training, patch); });
  if (data != nullptr) {
    Config of_data = config;  // which sizes those are may depend on other keys
    of_data.take_data(*data);
    take_data_fields(config.model_fields(), of_data.model_fields(), patch);
  }
  check_as(patch.source, [&] {
    recipe.check();
    config.check();
    if (data != nullptr) config.check_data(*data);
  });
}

}  // namespace ethreed
