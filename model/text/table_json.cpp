// TableReader's rows of JSON: one object a line, or one array of objects.

#include "core/error.h"
#include "model/text/line_reader.h"
#include "model/text/table_reader.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>
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

struct JsonField {
  std::string text;  // a string's own text, else JSON
  bool null = false, nested = false;
};

// Takes the values of an object as texts. Numbers stay as they are written: 1.10 is no 1.1, and no double holds an id
// of twenty digits. A key that stands twice is refused in every object.
class ObjectFields : public nlohmann::json_sax<Json> {
 public:
  explicit ObjectFields(const TableReader& table) : table_(table) {}
  std::map<std::string, JsonField>& all() { return fields_; }

  bool null() override {
    field_->null = open_.size() == 1;
    return add("null");
  }
  bool boolean(bool value) override { return add(value ? "true" : "false"); }
  // The parser has 0 here only where "-0" is written.
  bool number_integer(Json::number_integer_t value) override { return add(value == 0 ? "-0" : std::to_string(value)); }
  bool number_unsigned(Json::number_unsigned_t value) override { return add(std::to_string(value)); }
  bool number_float(Json::number_float_t, const std::string& written) override { return add(written); }
  bool string(std::string& value) override { return add(open_.size() == 1 ? value : Json(value).dump()); }
  bool binary(Json::binary_t&) override { return false; }  // no JSON has it
  bool start_object(std::size_t) override { return open('{'); }
  bool start_array(std::size_t) override { return open('['); }
  bool end_object() override { return close('}'); }
  bool end_array() override { return close(']'); }

  bool key(std::string& key) override {
    Open& object = open_.back();
    ETHREED_CHECK(object.keys.insert(key).second, "{}: the key '{}' is there twice; remove one", table_.place(),
                  excerpt(key));
    if (open_.size() == 1)
      field_ = &fields_[key];
    else
      field_->text += (object.keys.size() > 1 ? "," : "") + Json(key).dump() + ':';
    return true;
  }

  bool parse_error(std::size_t, const std::string&, const Json::exception& error) override {
    fail("{}: this is no JSON object ({})", table_.place(), excerpt(error.what()));
  }

 private:
  struct Open {
    bool array = false;
    bool has_value = false;
    std::unordered_set<std::string> keys;
  };

  bool add(std::string_view text) {
    Open& inside = open_.back();
    if (inside.array && inside.has_value) field_->text += ',';
    inside.has_value = true;
    field_->text += text;
    return true;
  }

  bool open(char bracket) {
    if (!open_.empty()) {
      field_->nested = true;
      add(std::string_view(&bracket, 1));
    }
    open_.push_back({.array = bracket == '['});
    return true;
  }

  bool close(char bracket) {
    open_.pop_back();
    if (!open_.empty()) field_->text += bracket;
    return true;
  }

  const TableReader& table_;
  std::map<std::string, JsonField> fields_;
  JsonField* field_ = nullptr;  // the one in hand
  std::vector<Open> open_;
};

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
  ObjectFields fields(*this);
  Json::sax_parse(as_utf8(object, line_text_), &fields);
  if (keys_only) {
    for (const auto& [key, field] : fields.all())
      if (places_.emplace(key, columns_.size()).second) columns_.push_back(key);
    return;
  }
  std::fill(fields_.begin(), fields_.end(), std::string_view{});
  std::fill(present_.begin(), present_.end(), false);
  std::fill(nested_.begin(), nested_.end(), false);
  for (auto& [key, field] : fields.all()) {
    const std::size_t c = places_.at(key);
    present_[c] = !field.null;
    nested_[c] = field.nested;
    if (field.null) continue;
    kept_[c] = std::move(field.text);
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
