#include "model/encoders/encoder_config.h"

#include "core/error.h"
#include "core/json.h"
#include "core/mapped_file.h"
#include "model/subwords/json_part.h"

#include <nlohmann/json.hpp>

#include <array>
#include <cmath>

namespace ethreed {

namespace {

using Json = nlohmann::json;

constexpr std::int32_t most_rows = 1 << 24;  // of a table
constexpr std::int32_t widest = 1 << 16;

constexpr std::array families{EncoderFamily::bert, EncoderFamily::roberta, EncoderFamily::distilbert,
                              EncoderFamily::mpnet};

EncoderFamily family_of(JsonPart& json) {
  const std::string type = json.text("model_type");
  std::string known;
  for (const EncoderFamily family : families) {
    if (type == name_of(family)) return family;
    known += (known.empty() ? "" : ", ") + std::string(name_of(family));
  }
  fail("{}: 'model_type' is '{}', which is not known here; wanted one of {}", json.source(), cut_text(type), known);
}

double number_of(JsonPart& json, std::string_view key, const Json& value) {
  ETHREED_CHECK(value.is_number(), "{}: '{}' is {}, wanted a number", json.source(), key, shown(value));
  return value.get<double>();
}

// A rate of dropout; `otherwise` where it is absent or null.
double rate_of(JsonPart& json, std::string_view key, double otherwise) {
  const Json* found = json.find(key);
  if (found == nullptr) return otherwise;
  const double rate = number_of(json, key, *found);
  ETHREED_CHECK(rate >= 0 && rate < 1, "{}: '{}' is {}, wanted 0 <= rate < 1", json.source(), key, rate);
  return rate;
}

double epsilon_of(JsonPart& json) {
  const double epsilon = number_of(json, "layer_norm_eps", json.at("layer_norm_eps"));
  ETHREED_CHECK(epsilon > 0 && epsilon < 1, "{}: 'layer_norm_eps' is {}, wanted a small number above 0", json.source(),
                epsilon);
  return epsilon;
}

// Tanh-forms of GELU give other numbers: 3e-4 of a state, which nobody would notice.
void check_activation(JsonPart& json, std::string_view key) {
  const std::string name = json.text(key);
  ETHREED_CHECK(name == "gelu", "{}: '{}' is '{}', which is not known here; wanted 'gelu', the form with erf",
                json.source(), key, cut_text(name));
}

std::vector<std::string> labels_of(JsonPart& json) {
  const Json* names = json.find("id2label");
  const Json* count = json.find("num_labels");
  std::vector<std::string> labels;
  if (names != nullptr) {
    ETHREED_CHECK(names->is_object() && !names->empty(), "{}: 'id2label' is {}, wanted an object of labels",
                  json.source(), shown(*names));
    for (std::size_t id = 0; id < names->size(); ++id) {
      const auto found = names->find(std::to_string(id));
      ETHREED_CHECK(found != names->end() && found->is_string(), "{}: 'id2label' has {} labels but no text for '{}'",
                    json.source(), names->size(), id);
      labels.push_back(found->get<std::string>());
    }
  }
  if (count != nullptr) {
    const std::int32_t wanted = json.number_of(*count, "num_labels", 1, most_rows);
    ETHREED_CHECK(names == nullptr || static_cast<std::size_t>(wanted) == labels.size(),
                  "{}: 'num_labels' is {}, but 'id2label' has {} labels", json.source(), wanted, labels.size());
    for (std::int32_t id = 0; names == nullptr && id < wanted; ++id) labels.push_back(fmt::format("LABEL_{}", id));
  }
  if (labels.empty()) labels = {"LABEL_0", "LABEL_1"};  // what the library takes where the file says nothing
  return labels;
}

std::vector<std::string> architectures_of(JsonPart& json) {
  std::vector<std::string> names;
  const Json* found = json.find("architectures");
  if (found == nullptr) return names;
  ETHREED_CHECK(found->is_array(), "{}: 'architectures' is {}, wanted a list of names", json.source(), shown(*found));
  for (const Json& name : *found) names.push_back(json.text_of(name, "architectures"));
  return names;
}

// What would make another model of the same tensors.
void check_unused(JsonPart& json) {
  json.unused("position_embedding_type", "absolute");
  json.unused("is_decoder", false);
  json.unused("add_cross_attention", false);
  json.unused("pruned_heads", Json::object());
}

void read_sizes(JsonPart& json, EncoderConfig& config) {
  const bool distilled = config.family == EncoderFamily::distilbert;
  config.vocabulary = json.number("vocab_size", 1, most_rows);
  config.width = json.number(distilled ? "dim" : "hidden_size", 1, widest);
  config.layers = json.number(distilled ? "n_layers" : "num_hidden_layers", 1, most_encoder_layers);
  config.heads = json.number(distilled ? "n_heads" : "num_attention_heads", 1, widest);
  config.inner = json.number(distilled ? "hidden_dim" : "intermediate_size", 1, 8 * widest);
  config.positions = json.number("max_position_embeddings", 1, most_rows);
  const bool mpnet = config.family == EncoderFamily::mpnet;
  if (!distilled && !mpnet) config.types = json.number("type_vocab_size", 1, most_rows);
  if (mpnet) config.distances = json.number("relative_attention_num_buckets", 32, 32);
  if (config.family == EncoderFamily::roberta || mpnet || json.find("pad_token_id") != nullptr)
    config.pad = json.number("pad_token_id", 0, config.vocabulary - 1);
  ETHREED_CHECK(config.width % config.heads == 0, "{}: a width of {} cannot be split among {} heads", json.source(),
                config.width, config.heads);
  ETHREED_CHECK(config.longest() >= 1, "{}: 'max_position_embeddings' is {}, but the first position is {}",
                json.source(), config.positions, config.first_position());
}

}  // namespace

std::string_view name_of(EncoderFamily family) {
  switch (family) {
    case EncoderFamily::bert: return "bert";
    case EncoderFamily::roberta: return "roberta";
    case EncoderFamily::distilbert: return "distilbert";
    case EncoderFamily::mpnet: return "mpnet";
  }
  return "?";
}

EncoderConfig encoder_config_of(std::string_view text, const std::string& source) {
  const Json value = parse_json<Json>(text, source, "check the file");
  JsonPart json(value, source);
  EncoderConfig config{.family = family_of(json)};
  read_sizes(json, config);
  check_unused(json);
  if (config.family == EncoderFamily::distilbert) {
    check_activation(json, "activation");
    config.dropout = rate_of(json, "dropout", config.dropout);
    config.attention_dropout = rate_of(json, "attention_dropout", config.attention_dropout);
    config.head_dropout = rate_of(json, "seq_classif_dropout", 0.2);
  } else {
    check_activation(json, "hidden_act");
    config.epsilon = epsilon_of(json);
    config.dropout = rate_of(json, "hidden_dropout_prob", config.dropout);
    config.attention_dropout = rate_of(json, "attention_probs_dropout_prob", config.attention_dropout);
    config.head_dropout = rate_of(json, "classifier_dropout", config.dropout);
  }
  config.labels = labels_of(json);
  config.architectures = architectures_of(json);
  return config;
}

EncoderConfig read_encoder_config(const std::filesystem::path& folder) {
  ETHREED_CHECK(std::filesystem::is_directory(folder), "{}: is no folder; give that of a pretrained encoder",
                folder.string());
  const std::filesystem::path path = folder / "config.json";
  ETHREED_CHECK(std::filesystem::is_regular_file(path),
                "{}: has no config.json; give the folder of a pretrained encoder", folder.string());
  return encoder_config_of(MappedFile(path).text(), path.string());
}

}  // namespace ethreed
