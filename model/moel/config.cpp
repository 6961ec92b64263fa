#include "model/moel/config.h"

#include "core/indices.h"

#include <algorithm>

namespace ethreed {

int MoelConfig::listeners_of_reply() const {
  return gate == ListenerGate::softmax ? emotion_classes : std::min(top_k, emotion_classes);
}

ConfigFields MoelConfig::model_fields() {
  constexpr double most = 65536;
  return {{.key = "vocabulary", .value = &vocabulary, .low = 5, .high = 10'000'000, .from_data = true},
          {.key = "embedding", .value = &embedding, .low = 1, .high = most, .from_data = true},
          {"width", &transformer.width, 4, most},
          {"heads", &transformer.heads, 1, most},
          {"depth", &transformer.depth, 1, most},
          {"inner", &transformer.inner, 1, most},
          {"layers", &transformer.layers, 1, most_transformer_layers},
          {.key = "emotions", .value = &emotion_classes, .low = 2, .high = most_listeners, .from_data = true},
          {"max_context", &max_context, 2, most},
          {"gate", named_choice(gate, variant_names)},
          {"top_k", &top_k, 1, most_listeners},
          {"query", named_choice(query, query_names)}};
}

ConfigFields MoelConfig::training_fields() {
  return {{"label_smoothing", &label_smoothing, 0.0, 0.99},
          {"oracle", &oracle},
          {"oracle_decay", &oracle_decay, 1.0, 1e12},
          {"oracle_least", &oracle_least, 0.0, 1.0}};
}

void MoelConfig::take_data(const DataDescription& data) {
  vocabulary = data.vocabulary;
  embedding = data.embedding;
  emotion_classes = count_of(data.labels.front().classes);
}

void MoelConfig::check() const {
  MoelConfig copy = *this;
  check_fields(copy.model_fields());
  check_fields(copy.training_fields());
  check_transformer(transformer);
}

}  // namespace ethreed
