#include "model/ethreed/config.h"

#include "core/error.h"

#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <array>
#include <cmath>
#include <fstream>
#include <map>
#include <variant>
#include <vector>

namespace ethreed {

namespace {

constexpr std::array<std::string_view, 6> ablation_names{"none",     "no_policy",  "no_gps",
                                                         "no_party", "no_emotion", "no_tracking"};

void check_range(std::string_view key, double value, double low, double high) {
  ETHREED_CHECK(std::isfinite(value) && value >= low && value <= high,
                "config key '{}' is {}, out of range: give {} to {}", key, value, low, high);
}

// One key of the configuration and where it lives.
using Field = std::variant<int*, double*, bool*, std::uint64_t*, Ablation*>;
using Fields = std::vector<std::pair<std::string_view, Field>>;

Fields model_fields(ModelConfig& m) {
  return {{"vocabulary", &m.vocabulary},
          {"embedding", &m.embedding},
          {"encoder", &m.encoder},
          {"global_state", &m.global_state},
          {"party_state", &m.party_state},
          {"emotion_state", &m.emotion_state},
          {"content_state", &m.content_state},
          {"decoder_state", &m.decoder_state},
          {"bottleneck", &m.bottleneck},
          {"emotions", &m.emotions},
          {"ablation", &m.ablation},
          {"listener_labels", &m.listener_labels},
          {"constraint_gradient", &m.constraint_gradient}};
}

Fields training_fields(TrainingConfig& t) {
  return {{"epochs", &t.epochs},
          {"batch", &t.batch},
          {"learning_rate", &t.learning_rate},
          {"learning_rate_factor", &t.learning_rate_factor},
          {"learning_rate_epochs", &t.learning_rate_epochs},
          {"adam_beta1", &t.adam_beta1},
          {"adam_beta2", &t.adam_beta2},
          {"adam_epsilon", &t.adam_epsilon},
          {"clip_norm", &t.clip_norm},
          {"dropout", &t.dropout},
          {"update_gate_bias", &t.update_gate_bias},
          {"seed", &t.seed},
          {"weight_emotion", &t.weights.emotion},
          {"weight_policy", &t.weights.policy},
          {"weight_generation", &t.weights.generation},
          {"weight_coverage", &t.weights.coverage}};
}

nlohmann::json value_of(const Field& field) {
  return std::visit(
      [](auto* value) -> nlohmann::json {
        if constexpr (std::is_same_v<decltype(value), Ablation*>)
          return std::string(name_of(*value));
        else
          return *value;
      },
      field);
}

void assign(const Field& field, const nlohmann::json& json, const std::string& where) {
  std::visit(
      [&](auto* value) {
        using Value = std::remove_pointer_t<decltype(value)>;
        if constexpr (std::is_same_v<Value, Ablation>) {
          ETHREED_CHECK(json.is_string(), "{}: wanted a name, got {}", where, json.dump());
          *value = ablation_from(json.get<std::string>());
        } else if constexpr (std::is_same_v<Value, bool>) {
          ETHREED_CHECK(json.is_boolean(), "{}: wanted true or false, got {}", where, json.dump());
          *value = json.get<bool>();
        } else if constexpr (std::is_same_v<Value, double>) {
          ETHREED_CHECK(json.is_number(), "{}: wanted a number, got {}", where, json.dump());
          *value = json.get<double>();
        } else if constexpr (std::is_same_v<Value, int>) {
          ETHREED_CHECK(json.is_number_integer() && json.get<double>() >= 0 && json.get<double>() < 2147483647.0,
                        "{}: wanted an integer from 0 to 2147483646, got {}", where, json.dump());
          *value = json.get<int>();
        } else {
          ETHREED_CHECK(json.is_number_unsigned(), "{}: wanted a non-negative integer, got {}", where, json.dump());
          *value = json.get<Value>();
        }
      },
      field);
}

void update_fields(const Fields& fields, const nlohmann::json& json, const std::string& source,
                   const std::string& section) {
  ETHREED_CHECK(json.is_object(), "{}: '{}' must be an object", source, section);
  for (const auto& [key, value] : json.items()) {
    const auto found =
        std::find_if(fields.begin(), fields.end(), [&key = key](const auto& field) { return field.first == key; });
    if (found == fields.end()) {
      std::vector<std::string_view> known;
      for (const auto& field : fields) known.push_back(field.first);
      fail("{}: '{}' has no key '{}'; it knows {}", source, section, key, fmt::join(known, ", "));
    }
    assign(found->second, value, fmt::format("{}: {}.{}", source, section, key));
  }
}

}  // namespace

std::string_view name_of(Ablation ablation) { return ablation_names[static_cast<std::size_t>(ablation)]; }

Ablation ablation_from(std::string_view name) {
  for (std::size_t i = 0; i < ablation_names.size(); ++i)
    if (ablation_names[i] == name) return static_cast<Ablation>(i);
  fail("ablation '{}' does not exist; give one of {}", name, fmt::join(ablation_names, ", "));
}

void ModelConfig::check() const {
  const std::array<std::pair<std::string_view, int>, 8> sizes{{{"embedding", embedding},
                                                               {"encoder", encoder},
                                                               {"global_state", global_state},
                                                               {"party_state", party_state},
                                                               {"emotion_state", emotion_state},
                                                               {"content_state", content_state},
                                                               {"decoder_state", decoder_state},
                                                               {"bottleneck", bottleneck}}};
  for (const auto& [key, size] : sizes) check_range(key, size, 1, 65536);
  check_range("vocabulary", vocabulary, 5, 10'000'000);
  check_range("emotions", emotions, 2, 65536);
  ETHREED_CHECK(has_emotion_cell() || emotion_state == (has_party() ? party_state : global_state),
                "ablation no_emotion uses the party state as emotion state: config keys 'party_state' ({}) and "
                "'emotion_state' ({}) "
                "must be equal",
                party_state, emotion_state);
}

void TrainingConfig::check() const {
  check_range("epochs", epochs, 1, 100000);
  check_range("batch", batch, 1, 65536);
  check_range("learning_rate", learning_rate, 0.0, 10.0);
  check_range("learning_rate_factor", learning_rate_factor, 1e-6, 1.0);
  check_range("learning_rate_epochs", learning_rate_epochs, 1, 100000);
  check_range("adam_beta1", adam_beta1, 0.0, 0.999999);
  check_range("adam_beta2", adam_beta2, 0.0, 0.999999);
  check_range("adam_epsilon", adam_epsilon, 1e-30, 1.0);
  check_range("clip_norm", clip_norm, 1e-6, 1e9);
  check_range("dropout", dropout, 0.0, 0.95);
  check_range("update_gate_bias", update_gate_bias, -100.0, 100.0);
  check_range("weight_emotion", weights.emotion, 0.0, 1e6);
  check_range("weight_policy", weights.policy, 0.0, 1e6);
  check_range("weight_generation", weights.generation, 0.0, 1e6);
  check_range("weight_coverage", weights.coverage, 0.0, 1e6);
}

double TrainingConfig::learning_rate_at(int epoch) const {
  return learning_rate * std::pow(learning_rate_factor, epoch / learning_rate_epochs);
}

nlohmann::json to_json(const RunConfig& config) {
  RunConfig copy = config;
  nlohmann::json json;
  for (const auto& [key, field] : model_fields(copy.model)) json["model"][std::string(key)] = value_of(field);
  for (const auto& [key, field] : training_fields(copy.training)) json["training"][std::string(key)] = value_of(field);
  return json;
}

void update_from_json(RunConfig& config, const nlohmann::json& json, const std::string& source) {
  ETHREED_CHECK(json.is_object(), "{}: wanted an object with 'model' and 'training'", source);
  for (const auto& [section, value] : json.items()) {
    if (section == "model")
      update_fields(model_fields(config.model), value, source, section);
    else if (section == "training")
      update_fields(training_fields(config.training), value, source, section);
    else
      fail("{}: no section '{}'; there are 'model' and 'training'", source, section);
  }
}

void update_from_file(RunConfig& config, const std::string& path) {
  std::ifstream stream(path);
  ETHREED_CHECK(stream, "{}: cannot open the configuration file", path);
  nlohmann::json json;
  try {
    json = nlohmann::json::parse(stream);
  } catch (const nlohmann::json::exception& error) {
    const std::string text = error.what();  // "[json.exception…] parse error at line 3, column 2: …"
    fail("{}: not valid JSON: {}; mend it there", path, text.substr(text.find("] ") + 2));
  }
  update_from_json(config, json, path);
}

}  // namespace ethreed
