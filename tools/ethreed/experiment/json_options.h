#pragma once
// Options of a command as a JSON object says them, and the checks of such objects.

#include <nlohmann/json_fwd.hpp>

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace CLI {
class App;
}

namespace ethreed {

/// Throws Error "<source>: …" unless `json` is an object with none but these keys.
void check_keys(const nlohmann::json& json, std::span<const std::string_view> allowed, const std::string& source);
inline void check_keys(const nlohmann::json& json, std::initializer_list<std::string_view> allowed,
                       const std::string& source) {
  check_keys(json, std::span(allowed.begin(), allowed.size()), source);
}

/// The text at `key`, or `otherwise` where it is absent. Throws Error naming source and key if it is no text.
std::string text_at(const nlohmann::json& json, const char* key, const std::string& source, std::string otherwise = {});

/// {"max_length": 40, "allow_unknown": true, "label_column": ["a=b", "c=d"]} as arguments: --max-length 40,
/// --allow-unknown, and --label-column for each. Throws Error naming source and key if a key is none of `allowed`, or a
/// value is neither text, number, true or false, nor a list of texts.
std::vector<std::string> options_from(const nlohmann::json& json, std::span<const std::string_view> allowed,
                                      const std::string& source);

/// Lets `command` read the arguments; what is wrong with them is an Error that begins with `source`.
void parse_arguments(CLI::App& command, std::vector<std::string> arguments, const std::string& source);

}  // namespace ethreed
