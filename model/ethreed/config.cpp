#include "model/ethreed/config.h"

#include "core/error.h"
#include "core/indices.h"

namespace ethreed {

Ablation ablation_from(std::string_view name) {
  return static_cast<Ablation>(choice_from(name, EthreedConfig::variant_names, "ablation"));
}

ConfigFields EthreedConfig::model_fields() {
  constexpr double most = 65536;
  return {{.key = "vocabulary", .value = &vocabulary, .low = 5, .high = 10'000'000, .from_data = true},
          {.key = "embedding", .value = &embedding, .low = 1, .high = most, .from_data = true},
          {"encoder", &encoder, 1, most},
          {"global_state", &global_state, 1, most},
          {"party_state", &party_state, 1, most},
          {"emotion_state", &emotion_state, 1, most},
          {"content_state", &content_state, 1, most},
          {"decoder_state", &decoder_state, 1, most},
          {"bottleneck", &bottleneck, 1, most},
          {.key = "emotions", .value = &emotion_classes, .low = 2, .high = most, .from_data = true},
          {"ablation", named_choice(ablation, variant_names)},
          {"listener_labels", &listener_labels},
          {"constraint_gradient", &constraint_gradient},
          {.key = "unbounded_energies", .value = &unbounded_energies, .unwritten = 0},
          {.key = "pooling", .value = named_choice(pooling, pooling_names), .unwritten = 0},
          {.key = "emotion_input", .value = &emotion_input, .unwritten = 0},
          {.key = "content_input", .value = &content_input, .unwritten = 0},
          {.key = "deep_output", .value = &deep_output, .unwritten = 0}};
}

ConfigFields EthreedConfig::training_fields() {
  return {{"dropout", &dropout, 0.0, 0.95},
          {.key = "dropout_words", .value = &dropout_words, .low = 0.0, .high = 0.95, .unwritten = 0},
          {.key = "dropout_encoder", .value = &dropout_encoder, .low = 0.0, .high = 0.95, .unwritten = 0},
          {.key = "dropout_output", .value = &dropout_output, .low = 0.0, .high = 0.95, .unwritten = 0},
          {.key = "sample_in_training", .value = &sample_in_training, .unwritten = 1},
          {.key = "noise_scale", .value = &noise_scale, .low = 0.0, .high = 100.0, .unwritten = 1},
          {.key = "listener_distributions", .value = &listener_distributions, .unwritten = 0},
          {.key = "emotion_smoothing", .value = &emotion_smoothing, .low = 0.0, .high = 0.99, .unwritten = 0},
          {.key = "policy_direction", .value = named_choice(policy_direction, direction_names), .unwritten = 0},
          {.key = "selection", .value = named_choice(selection, selection_names), .unwritten = 0},
          {.key = "policy_anneal_steps", .value = &policy_anneal_steps, .low = 0, .high = 1e9, .unwritten = 0},
          {.key = "frozen_vector_steps", .value = &frozen_vector_steps, .low = 0, .high = 1e9, .unwritten = 0},
          {"update_gate_bias", &update_gate_bias, -100.0, 100.0},
          {"weight_emotion", &weights.emotion, 0.0, 1e6},
          {"weight_policy", &weights.policy, 0.0, 1e6},
          {"weight_generation", &weights.generation, 0.0, 1e6},
          {"weight_coverage", &weights.coverage, 0.0, 1e6},
          {.key = "weight_copy", .value = &weights.copy, .low = 0.0, .high = 1e6, .unwritten = 0},
          {.key = "weight_situation", .value = &weights.situation, .low = 0.0, .high = 1e6, .unwritten = 0},
          {.key = "generation_gate_bias", .value = &generation_gate_bias, .low = -100.0, .high = 100.0, .unwritten = 0},
          {.key = "mask_words", .value = &mask_words, .low = 0.0, .high = 1.0, .unwritten = 0},
          {.key = "mask_words_from", .value = &mask_words_from, .low = 4, .high = 10'000'000, .unwritten = 200}};
}

void EthreedConfig::take_data(const DataDescription& data) {
  vocabulary = data.vocabulary;
  embedding = data.embedding;
  emotion_classes = count_of(data.labels.front().classes);
  listener_labels = data.listener_labels;
}

void EthreedConfig::check() const {
  EthreedConfig copy = *this;
  check_fields(copy.model_fields());
  check_fields(copy.training_fields());
  ETHREED_CHECK(has_emotion_cell() || emotion_state == (has_party() ? party_state : global_state),
                "ablation no_emotion uses the party state as emotion state: config keys 'party_state' ({}) and "
                "'emotion_state' ({}) "
                "must be equal",
                party_state, emotion_state);
}

void EthreedConfig::check_data(const DataDescription& data) const {
  ETHREED_CHECK(!listener_labels || data.listener_labels,
                "'listener_labels' is true, but the data has none; prepare it with --labels");
  ETHREED_CHECK(!listener_distributions || (listener_labels && data.listener_distributions),
                "'listener_distributions' is true, but the data has none, or its labels are not used; prepare it with "
                "--labels FILE --label-distributions");
  ETHREED_CHECK(!has_situations() || data.situations,
                "'weight_situation' is {}, but the data has no situations; prepare it from a corpus that has them",
                weights.situation);
}

}  // namespace ethreed
