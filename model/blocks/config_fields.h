#pragma once
// The keys of a configuration: one list says each key's place, range and meaning to JSON, for reading, checking and
// writing alike.

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace ethreed {

/// An enumeration by its names: the value is the index of the name.
struct NamedChoice {
  std::span<const std::string_view> names;
  std::function<int()> get;
  std::function<void(int)> set;
};
/// The choice that `value` is, which must outlive the field.
template <class Enumeration> NamedChoice named_choice(Enumeration& value, std::span<const std::string_view> names) {
  return {names, [&value] { return static_cast<int>(value); },
          [&value](int index) { value = static_cast<Enumeration>(index); }};
}

/// One key and where its value lives.
struct ConfigField {
  std::string_view key;
  std::variant<int*, double*, bool*, std::uint64_t*, NamedChoice, std::string*> value;
  double low = -std::numeric_limits<double>::infinity(), high = std::numeric_limits<double>::infinity();
  bool from_data = false;  ///< a size that the data set says
  /// Written only if the value is another one: for keys that came later, so that older files keep their bytes.
  double unwritten = std::numeric_limits<double>::quiet_NaN();
};
using ConfigFields = std::vector<ConfigField>;

/// An object with every key (but unwritten ones at that value).
nlohmann::json fields_to_json(const ConfigFields& fields);

/// Overwrites the keys that `json` has. `source` and `section` name them in messages. Throws Error if a key does not
/// exist or its value has the wrong type.
void update_fields(const ConfigFields& fields, const nlohmann::json& json, const std::string& source,
                   std::string_view section);

/// Throws Error naming the key if a number is out of its range or not finite.
void check_fields(const ConfigFields& fields);

/// Index of a name. Throws Error naming all of them if it is none; `what` says what they name.
int choice_from(std::string_view name, std::span<const std::string_view> names, std::string_view what);

}  // namespace ethreed
