#pragma once
// JSON from files that anybody may have written: what the parser of the library takes in silence is refused here.

#include <nlohmann/json_fwd.hpp>

#include <cstddef>
#include <exception>
#include <string>
#include <string_view>

namespace ethreed {

/// How deep and how wide a text may be, so that neither the stack nor the memory depends on who wrote it.
struct JsonLimits {
  int depth = 64;                            ///< objects and arrays within each other
  std::size_t array = std::size_t{1} << 26;  ///< values of one array
};

/// The value that `text` is. Throws Error "<source>: …; <advice>" if it is no JSON (with line and column), if a key
/// stands twice in one object, and beyond the limits. `Json` is nlohmann::json or nlohmann::ordered_json.
template <class Json>
Json parse_json(std::string_view text, std::string_view source, std::string_view advice, const JsonLimits& limits = {});

/// A value as a message shows it: arrays and objects by their kind, long texts cut.
std::string shown(const nlohmann::json& value);
std::string shown(const nlohmann::ordered_json& value);

/// A text as a message shows it: without control characters, and cut where it is long.
std::string cut_text(std::string_view text);

/// What an exception of the library says, without its "[json.exception…] " in front, and cut.
std::string reason_of(const std::exception& error);

}  // namespace ethreed
