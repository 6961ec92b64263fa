#pragma once
// Objects of JSON of which every key is known: one that nobody asked for is an error.

#include "core/error.h"
#include "core/json.h"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <limits>
#include <set>
#include <string>
#include <string_view>
#include <utility>

namespace ethreed {

class JsonPart {
 public:
  /// `value` must live as long as this. Throws Error unless it is an object; `source` ("tokenizer.json: model") stands
  /// in front of every message.
  JsonPart(const nlohmann::json& value, std::string source) : value_(value), source_(std::move(source)) {
    ETHREED_CHECK(value.is_object(), "{}: is {}, wanted an object; check the file", source_, shown(value));
  }

  const std::string& source() const { return source_; }

  /// The value of a key, or nullptr if it is absent or null. The key is known from now on.
  const nlohmann::json* find(std::string_view key) {
    known_.emplace(key);
    const auto found = value_.find(std::string(key));
    return found == value_.end() || found->is_null() ? nullptr : &*found;
  }
  const nlohmann::json& at(std::string_view key) {
    const nlohmann::json* found = find(key);
    ETHREED_CHECK(found != nullptr, "{}: has no '{}'; check the file", source_, key);
    return *found;
  }
  JsonPart part(std::string_view key) {
    const char* between = source_.find(": ") == std::string::npos ? ": " : ".";
    return {at(key), source_ + between + std::string(key)};
  }

  bool flag(std::string_view key, bool otherwise) {
    const nlohmann::json* found = find(key);
    if (found == nullptr) return otherwise;
    ETHREED_CHECK(found->is_boolean(), "{}: '{}' is {}, wanted true or false", source_, key, shown(*found));
    return found->get<bool>();
  }
  std::string text(std::string_view key) { return text_of(at(key), key); }
  std::string text(std::string_view key, std::string otherwise) {
    const nlohmann::json* found = find(key);
    return found == nullptr ? std::move(otherwise) : text_of(*found, key);
  }
  /// A whole number from `lowest` to `highest`.
  std::int32_t number(std::string_view key, std::int32_t lowest,
                      std::int32_t highest = std::numeric_limits<std::int32_t>::max()) {
    return number_of(at(key), key, lowest, highest);
  }
  std::int32_t number_of(const nlohmann::json& value, std::string_view key, std::int32_t lowest,
                         std::int32_t highest = std::numeric_limits<std::int32_t>::max()) const {
    ETHREED_CHECK(value.is_number_integer() && in_range(value, lowest, highest),
                  "{}: '{}' is {}, wanted a whole number from {} to {}", source_, cut_text(key), shown(value), lowest,
                  highest);
    return static_cast<std::int32_t>(value.get<std::int64_t>());
  }
  std::string text_of(const nlohmann::json& value, std::string_view key) const {
    ETHREED_CHECK(value.is_string(), "{}: '{}' is {}, wanted a text", source_, key, shown(value));
    return value.get<std::string>();
  }
  /// What must be absent, null, or equal to `neutral`, because nothing here heeds it.
  void unused(std::string_view key, const nlohmann::json& neutral) {
    const nlohmann::json* found = find(key);
    ETHREED_CHECK(found == nullptr || *found == neutral, "{}: '{}' is {}, which is not known here; wanted {}", source_,
                  key, shown(*found), neutral.dump());
  }
  /// Passed over, whatever it is.
  void ignored(std::string_view key) { known_.emplace(key); }

  /// Throws Error for a key that nobody asked for.
  void finish() const {
    for (const auto& [key, value] : value_.items())
      ETHREED_CHECK(known_.contains(key), "{}: the key '{}' is not known here; it may change what the tokenizer does",
                    source_, cut_text(key));
  }

 private:
  static bool in_range(const nlohmann::json& value, std::int32_t lowest, std::int32_t highest) {
    if (value.is_number_unsigned() && value.get<std::uint64_t>() > std::numeric_limits<std::int32_t>::max())
      return false;
    const auto number = value.get<std::int64_t>();
    return number >= lowest && number <= highest;
  }

  const nlohmann::json& value_;
  std::string source_;
  std::set<std::string, std::less<>> known_;
};

}  // namespace ethreed
