#include "core/json.h"

#include "core/error.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <set>
#include <vector>

namespace ethreed {

namespace {

constexpr std::size_t shown_bytes = 80;

// Watches the events of a parse: keys by object, values by array. A pass of its own, before the one that builds the
// value: with a callback, the library's parser walks through all of an array for each object in it.
template <class Json> class Watch : public nlohmann::json_sax<Json> {
 public:
  Watch(std::string_view source, std::string_view advice, const JsonLimits& limits)
      : source_(source), advice_(advice), limits_(limits) {}

  bool null() override { return count_value(); }
  bool boolean(bool) override { return count_value(); }
  bool number_integer(typename Json::number_integer_t) override { return count_value(); }
  bool number_unsigned(typename Json::number_unsigned_t) override { return count_value(); }
  bool number_float(typename Json::number_float_t, const std::string&) override { return count_value(); }
  bool string(std::string&) override { return count_value(); }
  bool binary(typename Json::binary_t&) override { return count_value(); }
  bool start_object(std::size_t) override { return open(false); }
  bool start_array(std::size_t) override { return open(true); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  bool key(std::string& key) override {
    ETHREED_CHECK(open_.back().keys.insert(key).second, "{}: the key '{}' appears twice in one object; {}", source_,
                  cut_text(key), advice_);
    return true;
  }

  bool parse_error(std::size_t, const std::string&, const typename Json::exception& error) override {
    fail("{}: not valid JSON: {}; {}", source_, reason_of(error), advice_);
  }

 private:
  struct Open {
    bool array = false;
    std::size_t values = 0;
    std::set<std::string> keys;
  };

  bool open(bool array) {
    count_value();
    open_.emplace_back().array = array;
    ETHREED_CHECK(open_.size() <= static_cast<std::size_t>(limits_.depth),
                  "{}: objects and arrays lie more than {} deep within each other; {}", source_, limits_.depth,
                  advice_);
    return true;
  }

  bool close() {
    open_.pop_back();
    return true;
  }

  bool count_value() {
    if (open_.empty() || !open_.back().array) return true;
    ETHREED_CHECK(++open_.back().values <= limits_.array, "{}: a list holds more than {} values; {}", source_,
                  limits_.array, advice_);
    return true;
  }

  std::string_view source_, advice_;
  const JsonLimits& limits_;
  std::vector<Open> open_;
};

template <class Json> std::string shown_value(const Json& value) {
  switch (value.type()) {
    case Json::value_t::array: return "an array";
    case Json::value_t::object: return "an object";
    case Json::value_t::string: return "'" + cut_text(value.template get_ref<const std::string&>()) + "'";
    default: return value.dump();
  }
}

}  // namespace

template <class Json>
Json parse_json(std::string_view text, std::string_view source, std::string_view advice, const JsonLimits& limits) {
  Watch<Json> watch(source, advice, limits);
  Json::sax_parse(text, &watch);
  return Json::parse(text);
}

template nlohmann::json parse_json(std::string_view, std::string_view, std::string_view, const JsonLimits&);
template nlohmann::ordered_json parse_json(std::string_view, std::string_view, std::string_view, const JsonLimits&);

std::string shown(const nlohmann::json& value) { return shown_value(value); }
std::string shown(const nlohmann::ordered_json& value) { return shown_value(value); }

std::string cut_text(std::string_view text) {
  std::string out(text.substr(0, shown_bytes));
  if (text.size() > shown_bytes) {  // not within a character of UTF-8
    while (!out.empty() && (static_cast<unsigned char>(text[out.size()]) & 0xC0U) == 0x80U) out.pop_back();
    out += "…";
  }
  for (char& c : out)
    if (static_cast<unsigned char>(c) < ' ' || static_cast<unsigned char>(c) == 0x7F) c = ' ';
  return out;
}

std::string reason_of(const std::exception& error) {
  const std::string text = error.what();
  const std::size_t end = text.find("] ");
  constexpr std::size_t most = 300;  // it quotes what was read last, which may be long
  const std::string reason = end == std::string::npos ? text : text.substr(end + 2);
  if (reason.size() <= most) return reason;
  const std::size_t quote = reason.find("last read:");
  return reason.substr(0, std::min(quote, most)) + "…";
}

}  // namespace ethreed
