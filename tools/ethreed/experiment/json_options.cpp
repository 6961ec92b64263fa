#include "tools/ethreed/experiment/json_options.h"

#include "core/error.h"
#include "core/json.h"

#include <fmt/ranges.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace ethreed {

using Json = nlohmann::json;

void check_keys(const Json& json, std::span<const std::string_view> allowed, const std::string& source) {
  ETHREED_CHECK(json.is_object(), "{}: wanted an object, got {}", source, shown(json));
  for (const auto& [key, value] : json.items())
    ETHREED_CHECK(std::find(allowed.begin(), allowed.end(), key) != allowed.end(),
                  "{}: there is no key '{}'; the keys are {}", source, cut_text(key), fmt::join(allowed, ", "));
}

std::string text_at(const Json& json, const char* key, const std::string& source, std::string otherwise) {
  const auto found = json.find(key);
  if (found == json.end()) return otherwise;
  ETHREED_CHECK(found->is_string(), "{}: {}: wanted a text, got {}", source, key, shown(*found));
  const auto text = found->get<std::string>();
  ETHREED_CHECK(std::none_of(text.begin(), text.end(), [](unsigned char c) { return c < ' ' || c == 127; }),
                "{}: {}: wanted one line without control characters", source, key);
  return text;
}

std::vector<std::string> options_from(const Json& json, std::span<const std::string_view> allowed,
                                      const std::string& source) {
  check_keys(json, allowed, source);
  std::vector<std::string> arguments;
  for (const auto& [key, value] : json.items()) {
    std::string option = "--" + key;
    std::replace(option.begin(), option.end(), '_', '-');
    const auto put = [&](const std::string& text) {
      // In one word, so that a value may begin with a dash.
      arguments.push_back(option + "=" + text);
    };
    if (value.is_boolean()) {
      if (value.get<bool>()) arguments.push_back(option);
    } else if (value.is_string()) {
      put(value.get<std::string>());
    } else if (value.is_number()) {
      put(value.dump());
    } else {
      ETHREED_CHECK(
          value.is_array() && std::all_of(value.begin(), value.end(), [](const Json& v) { return v.is_string(); }),
          "{}: {}: wanted a text, a number, true, false or a list of texts, got {}", source, key, shown(value));
      for (const Json& one : value) put(one.get<std::string>());
    }
  }
  return arguments;
}

void parse_arguments(CLI::App& command, std::vector<std::string> arguments, const std::string& source) {
  std::reverse(arguments.begin(), arguments.end());  // as the library wants them
  try {
    command.parse(std::move(arguments));
  } catch (const CLI::ParseError& error) {
    fail("{}: {}", source, error.what());
  }
}

}  // namespace ethreed
