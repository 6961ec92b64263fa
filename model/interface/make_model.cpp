#include "model/interface/make_model.h"

#include "core/json.h"

#include <fmt/ranges.h>

namespace ethreed {

void update_sections(const ConfigFields& model, const ConfigFields& training, const ConfigPatch& patch) {
  ETHREED_CHECK(patch.keys->is_object(), "{}: wanted an object with 'model' and 'training'", patch.source);
  for (const auto& [section, value] : patch.keys->items()) {
    if (section == "model")
      update_fields(model, value, patch.source, section);
    else if (section == "training")
      update_fields(training, value, patch.source, section);
    else
      fail("{}: no section '{}'; there are 'model' and 'training'", patch.source, cut_text(section));
  }
}

void check_as(const std::string& source, const std::function<void()>& check) {
  try {
    check();
  } catch (const Error& error) {
    if (std::string_view(error.what()).starts_with(source)) throw;
    fail("{}: {}", source, error.what());
  }
}

void take_data_fields(const ConfigFields& fields, const ConfigFields& from_data, const ConfigPatch& patch) {
  const nlohmann::json& keys = *patch.keys;
  ConfigFields given, wanted;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (!fields[i].from_data) continue;
    given.push_back(fields[i]);
    wanted.push_back(from_data[i]);
  }
  const nlohmann::json sizes = fields_to_json(wanted);
  std::vector<std::string> wrong;
  if (keys.contains("model"))
    for (const auto& [key, value] : sizes.items())
      if (keys["model"].contains(key) && keys["model"][key] != value)
        wrong.push_back(fmt::format("{} ({}, the data has {})", key, shown(keys["model"][key]), value.dump()));
  ETHREED_CHECK(wrong.empty(), "{}: keys come from the data: {}; leave them out", patch.source, fmt::join(wrong, ", "));
  update_fields(given, sizes, patch.source, "model");
}

nlohmann::json without_data_keys(const ConfigFields& fields, const ConfigPatch& patch) {
  nlohmann::json keys = *patch.keys;
  if (!keys.contains("model")) return keys;
  for (const ConfigField& field : fields)
    if (field.from_data || field.key == "listener_labels") keys["model"].erase(std::string(field.key));
  return keys;
}

}  // namespace ethreed
