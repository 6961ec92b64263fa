#include "model/hred/config.h"

#include "core/error.h"
#include "core/indices.h"

namespace ethreed {

ConfigFields HredConfig::model_fields() {
  constexpr double most = 65536;
  return {{.key = "vocabulary", .value = &vocabulary, .low = 5, .high = 10'000'000, .from_data = true},
          {.key = "embedding", .value = &embedding, .low = 1, .high = most, .from_data = true},
          {"encoder", &encoder, 1, most},
          {"context_state", &context_state, 1, most},
          {"emotion_state", &emotion_state, 1, most},
          {"latent", &latent, 1, most},
          {"decoder_state", &decoder_state, 1, most},
          {"bottleneck", &bottleneck, 1, most},
          {.key = "emotions", .value = &emotion_classes, .low = 2, .high = most, .from_data = true},
          {"variant", named_choice(variant_choice, variant_names)},
          {"listener_labels", &listener_labels},
          {.key = "targets", .value = named_choice(targets, target_names), .unwritten = 0},
          {.key = "bag_of_words", .value = &bag_of_words, .unwritten = 0}};
}

ConfigFields HredConfig::training_fields() {
  return {{"dropout", &dropout, 0.0, 0.95},
          {"update_gate_bias", &update_gate_bias, -100.0, 100.0},
          {"weight_emotion", &weight_emotion, 0.0, 1e6},
          {"kl_anneal_steps", &kl_anneal_steps, 0, 1e9},
          {.key = "free_bits", .value = &free_bits, .low = 0.0, .high = 1e6, .unwritten = 0},
          {.key = "weight_bag_of_words", .value = &weight_bag_of_words, .low = 0.0, .high = 1e6, .unwritten = 1},
          {"word_dropout", &word_dropout, 0.0, 1.0}};
}

void HredConfig::take_data(const DataDescription& data) {
  vocabulary = data.vocabulary;
  embedding = data.embedding;
  emotion_classes = count_of(data.labels.front().classes);
  listener_labels = data.listener_labels;
}

void HredConfig::check() const {
  HredConfig copy = *this;
  check_fields(copy.model_fields());
  check_fields(copy.training_fields());
  ETHREED_CHECK(
      !has_latent() || !has_post_targets(),
      "config key 'targets' is 'all': VHRED draws a latent variable of a reply and predicts replies only; leave "
      "it at 'listener'");
  ETHREED_CHECK(!bag_of_words || has_latent(),
                "config key 'bag_of_words' is true: only variant 'vhred' has a latent "
                "variable that could predict them");
}

void HredConfig::check_data(const DataDescription& data) const {
  ETHREED_CHECK(!has_emotion() || !listener_labels || data.listener_labels,
                "'listener_labels' is true, but the data has none; prepare it with --labels");
}

}  // namespace ethreed
