#include "model/dialogue_rnn/config.h"

#include "core/error.h"
#include "core/indices.h"

namespace ethreed {

ConfigFields DialogueRnnConfig::model_fields() {
  constexpr double most = 65536;
  return {{.key = "vocabulary", .value = &vocabulary, .low = 5, .high = 10'000'000, .from_data = true},
          {.key = "embedding", .value = &embedding, .low = 1, .high = most, .from_data = true},
          {"encoder", &encoder, 1, most},
          {"global_state", &global_state, 1, most},
          {"party_state", &party_state, 1, most},
          {"emotion_state", &emotion_state, 1, most},
          {"hidden", &hidden, 1, most},
          {.key = "emotions", .value = &emotion_classes, .low = 2, .high = most, .from_data = true},
          {"variant", named_choice(variant_choice, variant_names)},
          {"attention", named_choice(attention, attention_names)},
          {"listener_labels", &listener_labels}};
}

ConfigFields DialogueRnnConfig::training_fields() {
  return {{"dropout", &dropout, 0.0, 0.95},
          {"dropout_head", &dropout_head, 0.0, 0.95},
          {"update_gate_bias", &update_gate_bias, -100.0, 100.0}};
}

void DialogueRnnConfig::take_data(const DataDescription& data) {
  vocabulary = data.vocabulary;
  embedding = data.embedding;
  emotion_classes = count_of(data.labels.front().classes);
  listener_labels = data.listener_labels;
}

void DialogueRnnConfig::check() const {
  DialogueRnnConfig copy = *this;
  check_fields(copy.model_fields());
  check_fields(copy.training_fields());
  ETHREED_CHECK(
      attention != GlobalAttention::dot || global_state == 2 * encoder,
      "config key 'attention' is 'dot', the product of an utterance and a global state: 'global_state' is {}, "
      "wanted {}, twice 'encoder'",
      global_state, 2 * encoder);
}

void DialogueRnnConfig::check_data(const DataDescription& data) const {
  ETHREED_CHECK(!listener_labels || data.listener_labels,
                "'listener_labels' is true, but the data has none; prepare it with --labels");
}

}  // namespace ethreed
