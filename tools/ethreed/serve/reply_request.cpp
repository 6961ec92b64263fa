#include "tools/ethreed/serve/reply_request.h"

#include "core/error.h"
#include "core/json.h"

#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>

namespace ethreed {

namespace {

using Json = nlohmann::json;

// One value of the body.
struct Field {
  std::string_view key;
  const Json& value;
  const RequestLimits& limits;

  [[noreturn]] void wrong(std::string_view wanted) const { fail("{}: is {}, wanted {}", key, shown(value), wanted); }
  std::string text() const {
    if (!value.is_string()) wrong("a text");
    return value.get<std::string>();
  }
  bool truth() const {
    if (!value.is_boolean()) wrong("true or false");
    return value.get<bool>();
  }
  int whole(int least, int most) const {
    const bool fits = value.is_number_unsigned() ? value.get<std::uint64_t>() <= static_cast<std::uint64_t>(most)
                                                 : value.is_number_integer() && value.get<std::int64_t>() <= most;
    if (!fits || value.get<std::int64_t>() < least) wrong(fmt::format("a whole number from {} to {}", least, most));
    return value.get<int>();
  }
  double number(double least, double most) const {
    if (!value.is_number() || !(value.get<double>() >= least && value.get<double>() <= most))
      wrong(fmt::format("a number from {} to {}", least, most));
    return value.get<double>();
  }
  std::string one_of(std::initializer_list<std::string_view> names) const {
    if (!value.is_string() || std::find(names.begin(), names.end(), value.get<std::string>()) == names.end())
      wrong(fmt::format("one of {}", fmt::join(names, ", ")));
    return value.get<std::string>();
  }
};

using Take = void (*)(const Field&, ReplyRequest&);
struct Key {
  std::string_view name;
  Take take;
  std::string_view role{};  // of names for the same, of which a request may have one
};

InputRecord& record_of(ReplyRequest& request) { return request.record.front(); }

void take_text(const Field& field, ReplyRequest& request) { record_of(request).said.text = field.text(); }
void take_party(const Field& field, ReplyRequest& request) {
  record_of(request).said.listener = is_listener(field.text(), std::string(field.key));
}
void take_response(const Field& field, ReplyRequest& request) {
  if (const std::string text = field.text(); !text.empty()) record_of(request).response = text;
}
// As in a file, where a number is its digits, and an empty name none.
std::optional<std::string> name_of_record(const Field& field) {
  if (field.value.is_number_integer()) return field.value.dump();
  std::string name = field.text();
  return name.empty() ? std::nullopt : std::optional(std::move(name));
}
void take_conversation(const Field& field, ReplyRequest& request) {
  record_of(request).conversation = name_of_record(field);
}
void take_latent(const Field& field, ReplyRequest& request) {
  request.decode.latent = field.one_of({"sample", "mean"});
}

constexpr std::array keys{
    Key{"model", [](const Field& f, ReplyRequest& r) { r.model = f.text(); }},
    Key{"text", take_text, "text"},
    Key{"post", take_text, "text"},
    Key{"utterance", take_text, "text"},
    Key{"message", take_text, "text"},
    Key{"history",
        [](const Field& f, ReplyRequest& r) {
          r.record.front().history = history_of(f.value, "history");
          ETHREED_CHECK(f.value.size() <= static_cast<std::size_t>(f.limits.history),
                        "history: has {} entries, wanted at most {}; send the last ones", f.value.size(),
                        f.limits.history);
        }},
    Key{"id", [](const Field& f, ReplyRequest& r) { record_of(r).id = name_of_record(f); }},
    Key{"conversation", take_conversation, "conversation"},
    Key{"conversation_id", take_conversation, "conversation"},
    Key{"conv_id", take_conversation, "conversation"},
    Key{"party", take_party, "party"},
    Key{"role", take_party, "party"},
    Key{"utterance_idx",
        [](const Field& f, ReplyRequest& r) {
          record_of(r).said.listener = f.whole(1, std::numeric_limits<int>::max()) % 2 == 0;
        },
        "party"},
    Key{"response", take_response, "response"},
    Key{"gold", take_response, "response"},
    Key{"history_limit", [](const Field& f, ReplyRequest& r) { r.history_limit = f.whole(0, 1'000'000); }},
    Key{"post_length", [](const Field& f, ReplyRequest& r) { r.post_length = f.whole(2, f.limits.post_length); }},
    Key{"attention", [](const Field& f, ReplyRequest& r) { r.attention = f.truth(); }},
    Key{"stream", [](const Field& f, ReplyRequest& r) { r.stream = f.truth(); }},
    Key{"decode",
        [](const Field& f, ReplyRequest& r) {
          r.decode.method = f.one_of({"greedy", "beam", "sample"});
        }},
    Key{"latent", take_latent, "latent"},
    Key{"policy", take_latent, "latent"},
    Key{"reply_emotion", [](const Field& f, ReplyRequest& r) { r.decode.emotion = f.text(); }},
    Key{"max_length",
        [](const Field& f, ReplyRequest& r) { r.decode.options.max_length = f.whole(1, f.limits.max_length); }},
    Key{"min_length",
        [](const Field& f, ReplyRequest& r) { r.decode.options.min_length = f.whole(0, f.limits.max_length - 1); }},
    Key{"no_repeat", [](const Field& f, ReplyRequest& r) { r.decode.options.no_repeat = f.whole(0, 10000); }},
    Key{"beam", [](const Field& f, ReplyRequest& r) { r.decode.options.beam = f.whole(1, f.limits.beam); }},
    Key{"length_power", [](const Field& f, ReplyRequest& r) { r.decode.options.length_power = f.number(0, 10); }},
    Key{"top_k", [](const Field& f, ReplyRequest& r) { r.decode.top_k = f.whole(0, 1'000'000); }},
    Key{"top_p", [](const Field& f, ReplyRequest& r) { r.decode.options.top_p = f.number(1e-6, 1); }},
    Key{"temperature", [](const Field& f, ReplyRequest& r) { r.decode.options.temperature = f.number(0.01, 100); }},
    Key{"seed",
        [](const Field& f, ReplyRequest& r) {
          if (!f.value.is_number_unsigned())
            f.wrong(fmt::format("a whole number from 0 to {}", std::numeric_limits<std::uint64_t>::max()));
          r.decode.options.seed = f.value.get<std::uint64_t>();
        }},
    Key{"allow_unknown", [](const Field& f, ReplyRequest& r) { r.decode.options.allow_unknown = f.truth(); }},
    Key{"n_best", [](const Field& f, ReplyRequest& r) { r.decode.options.n_best = f.whole(1, f.limits.beam); }},
};

}  // namespace

std::vector<std::string_view> reply_request_keys() {
  std::vector<std::string_view> names;
  for (const Key& key : keys) names.push_back(key.name);
  return names;
}

ReplyRequest parse_reply_request(std::string_view body, const RequestLimits& limits) {
  const Json all = parse_json<Json>(body, "the body", "send one JSON object, see /openapi.json", {.depth = 8});
  ETHREED_CHECK(all.is_object(), "the body is {}, wanted a JSON object, see /openapi.json", shown(all));
  ReplyRequest request;
  request.record.push_back({.line = 1});
  std::vector<std::string_view> roles;
  for (const auto& [name, value] : all.items()) {
    const auto* key = std::find_if(keys.begin(), keys.end(), [&](const Key& one) { return one.name == name; });
    ETHREED_CHECK(key != keys.end(), "there is no key '{}'; the keys are {}", cut_text(name),
                  fmt::join(reply_request_keys(), ", "));
    if (value.is_null()) continue;
    if (!key->role.empty()) {
      ETHREED_CHECK(std::find(roles.begin(), roles.end(), key->role) == roles.end(),
                    "{}: says {} a second time; give one key for it", key->name, key->role);
      roles.push_back(key->role);
    }
    key->take({key->name, value, limits}, request);
  }
  ETHREED_CHECK(std::find(roles.begin(), roles.end(), "text") != roles.end(), "text: is missing, wanted the post");
  const DecodeOptions& options = request.decode.options;
  ETHREED_CHECK(options.top_p == 1 || request.decode.method == "sample",
                "top_p: is for \"decode\": \"sample\", this is \"{}\"", request.decode.method);
  const std::string& decode = request.decode.method;
  ETHREED_CHECK(options.n_best == 1 || decode != "greedy",
                "n_best: is for \"decode\": \"beam\" or \"sample\", this is \"greedy\"");
  ETHREED_CHECK(decode != "beam" || options.n_best <= options.beam, "n_best: is {}, wanted at most beam, {}",
                options.n_best, options.beam);
  ETHREED_CHECK(options.min_length < options.max_length, "min_length: is {}, wanted less than max_length, {}",
                options.min_length, options.max_length);
  request.decode.checked();
  return request;
}

}  // namespace ethreed
