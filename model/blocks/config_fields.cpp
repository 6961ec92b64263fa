#include "model/blocks/config_fields.h"

#include "core/error.h"
#include "core/json.h"

#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <type_traits>

namespace ethreed {

namespace {

using Json = nlohmann::json;

Json value_of(const ConfigField& field) {
  return std::visit(
      [](const auto& value) -> Json {
        if constexpr (std::is_same_v<std::decay_t<decltype(value)>, NamedChoice>)
          return std::string(value.names[value.get()]);
        else
          return *value;
      },
      field.value);
}

void assign(const ConfigField& field, const Json& json, const std::string& where) {
  std::visit(
      [&](const auto& value) {
        using Value = std::remove_pointer_t<std::decay_t<decltype(value)>>;
        if constexpr (std::is_same_v<Value, NamedChoice>) {
          ETHREED_CHECK(json.is_string(), "{}: wanted a name, got {}", where, shown(json));
          value.set(choice_from(json.get<std::string>(), value.names, field.key));
        } else if constexpr (std::is_same_v<Value, bool>) {
          ETHREED_CHECK(json.is_boolean(), "{}: wanted true or false, got {}", where, shown(json));
          *value = json.get<bool>();
        } else if constexpr (std::is_same_v<Value, double>) {
          ETHREED_CHECK(json.is_number(), "{}: wanted a number, got {}", where, shown(json));
          *value = json.get<double>();
        } else if constexpr (std::is_same_v<Value, int>) {
          ETHREED_CHECK(json.is_number_integer() && json.get<double>() >= 0 && json.get<double>() < 2147483647.0,
                        "{}: wanted an integer from 0 to 2147483646, got {}", where, shown(json));
          *value = json.get<int>();
        } else if constexpr (std::is_same_v<Value, std::string>) {
          ETHREED_CHECK(json.is_string(), "{}: wanted a text, got {}", where, shown(json));
          *value = json.get<std::string>();
        } else {
          ETHREED_CHECK(json.is_number_unsigned(), "{}: wanted a non-negative integer, got {}", where, shown(json));
          *value = json.get<Value>();
        }
      },
      field.value);
}

// The number of a key, NaN where it is none.
double number_of(const ConfigField& field) {
  return std::visit(
      [](const auto& value) {
        using Value = std::remove_pointer_t<std::decay_t<decltype(value)>>;
        if constexpr (std::is_same_v<Value, NamedChoice>)
          return static_cast<double>(value.get());
        else if constexpr (std::is_arithmetic_v<Value>)
          return static_cast<double>(*value);
        else
          return std::nan("");
      },
      field.value);
}

bool has_range(const ConfigField& field) { return std::isfinite(field.low) || std::isfinite(field.high); }

}  // namespace

Json fields_to_json(const ConfigFields& fields) {
  Json json = Json::object();
  for (const ConfigField& field : fields)
    if (number_of(field) != field.unwritten) json[std::string(field.key)] = value_of(field);
  return json;
}

void update_fields(const ConfigFields& fields, const Json& json, const std::string& source, std::string_view section) {
  ETHREED_CHECK(json.is_object(), "{}: '{}' must be an object", source, section);
  for (const auto& [key, value] : json.items()) {
    const auto found =
        std::find_if(fields.begin(), fields.end(), [&key = key](const auto& field) { return field.key == key; });
    if (found == fields.end()) {
      std::vector<std::string_view> known;
      for (const auto& field : fields) known.push_back(field.key);
      fail("{}: '{}' has no key '{}'; it knows {}", source, section, cut_text(key), fmt::join(known, ", "));
    }
    assign(*found, value, fmt::format("{}: {}.{}", source, section, key));
  }
}

void check_fields(const ConfigFields& fields) {
  for (const ConfigField& field : fields) {
    if (!has_range(field)) continue;
    const double value = number_of(field);
    ETHREED_CHECK(std::isfinite(value) && value >= field.low && value <= field.high,
                  "config key '{}' is {}, out of range: give {} to {}", field.key, value, field.low, field.high);
  }
}

int choice_from(std::string_view name, std::span<const std::string_view> names, std::string_view what) {
  for (std::size_t i = 0; i < names.size(); ++i)
    if (names[i] == name) return static_cast<int>(i);
  fail("{} '{}' does not exist; give one of {}", what, cut_text(name), fmt::join(names, ", "));
}

}  // namespace ethreed
