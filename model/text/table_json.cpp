// TableReader's rows of JSON: one object a line, or one array of objects.

#include "core/error.h"
#include "model/text/line_reader.h"
#include "model/text/table_reader.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <unordered_set>

namespace ethreed {

namespace {

using Json = nlohmann::json;

// Deeper lists and objects are refused before anything reads them by recursion.
constexpr int deepest = 64;

constexpr std::string_view blank = " \t\r\n";

// The bytes of the JSON value that starts at text[0] with '{': up to its closing brace, or npos if it has none.
// `too_deep` is set where brackets stand deeper than `deepest`.
std::size_t object_size(std::string_view text, bool& too_deep) {
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < std::min(text.size(), largest_record); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\')
        ++i;
      else
        in_string = c != '"';
      continue;
    }
    in_string = c == '"';
    if (c == '{' || c == '[') too_deep |= ++depth > deepest;
    if ((c == '}' || c == ']') && --depth == 0) return i + 1;
  }
  return std::string_view::npos;
}

}  // namespace

// Moves to the next object and gives its text; false at the end of the file.
bool TableReader::take_object(std::string_view& object) {
  bool after_comma = false;
  for (;;) {
    const std::size_t begin = std::min(text_.find_first_not_of(blank), text_.size());
    next_line_ += std::count(text_.begin(), text_.begin() + static_cast<std::ptrdiff_t>(begin), dialect_.line_end);
    text_.remove_prefix(begin);
    line_ = next_line_;
    if (text_.empty()) {
      ETHREED_CHECK(!array_open_, "{}: the list of objects is not closed by ']'; the file was cut off", place());
      return false;
    }
    if (text_[0] == '[' && !array_) {
      array_ = array_open_ = true;
    } else if (text_[0] == ',' && array_open_ && !after_comma) {
      after_comma = true;
    } else if (text_[0] == ']' && array_open_) {
      array_open_ = false;
    } else {
      break;
    }
    text_.remove_prefix(1);
  }
  ETHREED_CHECK(text_[0] == '{' && (!array_ || array_open_),
                "{}: got '{}', wanted a JSON object: {{\"key\": value, …}}", place(),
                excerpt(text_.substr(0, std::min(text_.find(dialect_.line_end), std::size_t{200}))));
  // Outside an array, an object is one line: a line that is broken does not take the next ones with it.
  const std::string_view scope = array_ ? text_ : text_.substr(0, text_.find(dialect_.line_end));
  bool too_deep = false;
  const std::size_t size = object_size(scope, too_deep);
  ETHREED_CHECK(!too_deep, "{}: lists and objects are nested deeper than {}", place(), deepest);
  ETHREED_CHECK(size != std::string_view::npos,
                "{}: the JSON object does not end{}; write one object a line, or a list of objects", place(),
                array_ ? "" : " in its line");
  ETHREED_CHECK(array_ || scope.find_first_not_of(blank, size) == std::string_view::npos,
                "{}: got '{}' after the JSON object; write one object a line", place(), excerpt(scope.substr(size)));
  object = text_.substr(0, size);
  next_line_ += std::count(object.begin(), object.end(), dialect_.line_end);
  text_.remove_prefix(size);
  return true;
}

void TableReader::parse_object(std::string_view object, bool keys_only) {
  const std::string_view text = as_utf8(object, line_text_);
  std::unordered_set<std::string> keys;
  const auto watch = [&](int depth, Json::parse_event_t event, Json& parsed) {
    if (event == Json::parse_event_t::key && depth == 1)
      ETHREED_CHECK(keys.insert(parsed.get<std::string>()).second, "{}: the key '{}' is there twice; remove one",
                    place(), excerpt(parsed.get<std::string>()));
    return true;
  };
  Json json;
  try {
    json = Json::parse(text, watch);
  } catch (const Json::exception& error) {
    fail("{}: this is no JSON object ({})", place(), excerpt(error.what()));
  }
  if (keys_only) {
    for (const auto& [key, value] : json.items())
      if (places_.emplace(key, columns_.size()).second) columns_.push_back(key);
    return;
  }
  std::fill(fields_.begin(), fields_.end(), std::string_view{});
  std::fill(present_.begin(), present_.end(), false);
  std::fill(nested_.begin(), nested_.end(), false);
  for (const auto& [key, value] : json.items()) {
    const std::size_t c = places_.at(key);
    present_[c] = !value.is_null();
    nested_[c] = value.is_structured();
    if (value.is_null()) continue;
    kept_[c] = value.is_string() ? value.get<std::string>() : value.dump();
    fields_[c] = kept_[c];
    row_has_nul_ |= kept_[c].find('\0') != std::string::npos;
  }
}

void TableReader::read_keys() {
  const std::string_view whole = text_;
  for (std::string_view object; take_object(object);) {
    parse_object(object, true);
    ETHREED_CHECK(columns_.size() <= 10'000, "{}: the objects have more than 10000 different keys", place());
  }
  ETHREED_CHECK(!columns_.empty(), "{}: the file is empty; a row is a JSON object", path_);
  text_ = whole;
  next_line_ = 1;
  line_ = 0;
  array_ = array_open_ = false;
}

bool TableReader::next_object() {
  std::string_view object;
  if (!take_object(object)) return false;
  parse_object(object, false);
  return true;
}

}  // namespace ethreed
