#include "model/emotion_classifier/config.h"

namespace ethreed {

ConfigFields EmotionClassifierConfig::model_fields() {
  constexpr double most = 65536;
  ConfigFields fields{{.key = "vocabulary", .value = &vocabulary, .low = 5, .high = 10'000'000, .from_data = true},
                      {.key = "embedding", .value = &embedding, .low = 1, .high = most, .from_data = true},
                      {"encoder", &encoder, 1, most},
                      {"attention", &attention, 1, most},
                      {"pooling", named_choice(pooling, variant_names)}};
  for (ConfigField& field : task.fields()) fields.push_back(std::move(field));
  return fields;
}

ConfigFields EmotionClassifierConfig::training_fields() {
  return {{"dropout", &dropout, 0.0, 0.95}, {"update_gate_bias", &update_gate_bias, -100.0, 100.0}};
}

void EmotionClassifierConfig::take_data(const DataDescription& data) {
  vocabulary = data.vocabulary;
  embedding = data.embedding;
  task.take_data(data);
}

void EmotionClassifierConfig::check() const {
  EmotionClassifierConfig copy = *this;
  check_fields(copy.model_fields());
  check_fields(copy.training_fields());
}

void EmotionClassifierConfig::check_data(const DataDescription& data) const { task.check_data(data); }

}  // namespace ethreed
