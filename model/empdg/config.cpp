#include "model/empdg/config.h"

#include "core/error.h"
#include "core/indices.h"

namespace ethreed {

ConfigFields EmpdgConfig::model_fields() {
  constexpr double most = 65536;
  return {{.key = "vocabulary", .value = &vocabulary, .low = 5, .high = 10'000'000, .from_data = true},
          {.key = "embedding", .value = &embedding, .low = 1, .high = most, .from_data = true},
          {"width", &transformer.width, 4, most},
          {"heads", &transformer.heads, 1, most},
          {"depth", &transformer.depth, 1, most},
          {"inner", &transformer.inner, 1, most},
          {"layers", &transformer.layers, 1, most_transformer_layers},
          {.key = "emotions", .value = &emotion_classes, .low = 2, .high = most, .from_data = true},
          {"max_context", &max_context, 2, most},
          {"emotion_words", named_choice(words, variant_names)},
          {"lexicon", &lexicon},
          {"lexicon_count", &lexicon_count, 1, 1e9},
          {"lexicon_coverage", &lexicon_coverage, 0.001, 1.0},
          {"copy", &copy}};
}

ConfigFields EmpdgConfig::training_fields() {
  return {{"label_smoothing", &label_smoothing, 0.0, 0.99},
          {"emotion_loss", named_choice(emotion_loss, loss_names)},
          {.key = "selection", .value = named_choice(selection, selection_names), .unwritten = 0}};
}

void EmpdgConfig::take_data(const DataDescription& data) {
  vocabulary = data.vocabulary;
  embedding = data.embedding;
  emotion_classes = count_of(data.labels.front().classes);
}

void EmpdgConfig::check() const {
  EmpdgConfig checked = *this;
  check_fields(checked.model_fields());
  check_fields(checked.training_fields());
  check_transformer(transformer);
}

void EmpdgConfig::check_data(const DataDescription&) const {
  ETHREED_CHECK(words != EmpdgWords::lexicon || !lexicon.empty(),
                "model 'empdg', variant lexicon, takes its emotion words from a file, and none is named; {}",
                lexicon_advice);
}

}  // namespace ethreed
