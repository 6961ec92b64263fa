#include "core/json.h"

#include "core/error.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <set>
#include <vector>

namespace ethreed {

namespace {

constexpr std::size_t shown_bytes = 80;

// Watches the events of a parse: keys by object, values by array.
class Watch {
 public:
  Watch(std::string_view source, std::string_view advice, const JsonLimits& limits)
      : source_(source), advice_(advice), limits_(limits) {}

  template <class Json> bool operator()(int, typename Json::parse_event_t event, const Json& value) {
    using Event = typename Json::parse_event_t;
    switch (event) {
      case Event::object_start:
      case Event::array_start:
        count_value();
        open_.emplace_back().array = event == Event::array_start;
        ETHREED_CHECK(open_.size() <= static_cast<std::size_t>(limits_.depth),
                      "{}: objects and arrays lie more than {} deep within each other; {}", source_, limits_.depth,
                      advice_);
        break;
      case Event::object_end:
      case Event::array_end: open_.pop_back(); break;
      case Event::key: {
        const auto& key = value.template get_ref<const std::string&>();
        ETHREED_CHECK(open_.back().keys.insert(key).second, "{}: the key '{}' appears twice in one object; {}", source_,
                      cut_text(key), advice_);
        break;
      }
      case Event::value: count_value(); break;
    }
    return true;
  }

 private:
  struct Open {
    bool array = false;
    std::size_t values = 0;
    std::set<std::string> keys;
  };
  void count_value() {
    if (open_.empty() || !open_.back().array) return;
    ETHREED_CHECK(++open_.back().values <= limits_.array, "{}: a list holds more than {} values; {}", source_,
                  limits_.array, advice_);
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
  Watch watch(source, advice, limits);
  try {
    return Json::parse(text, [&](int depth, typename Json::parse_event_t event, Json& value) {
      return watch(depth, event, static_cast<const Json&>(value));
    });
  } catch (const typename Json::exception& error) {
    fail("{}: not valid JSON: {}; {}", source, reason_of(error), advice);
  }
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
