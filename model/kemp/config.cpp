#include "model/kemp/config.h"

#include "core/error.h"
#include "core/indices.h"

namespace ethreed {

const std::string_view lexicon_origin =
    "the NRC VAD lexicon, version 1, comes from its author, saifmohammad.com/WebPages/nrc-vad.html, under terms of its "
    "own: free for non-commercial research, not to be passed on; a line is a word and its valence, arousal and "
    "dominance, each from 0 to 1, with tabs between, or the file is JSON, {word: [v, a, d]}";
const std::string_view concept_map_origin =
    "a concept map is a file of your own: a line is a word and a concept of it; what is taken from ConceptNet stays "
    "under CC BY-SA 4.0 (conceptnet.io)";
const std::string_view conceptnet_origin =
    "ConceptNet's assertions, version 5.7, come from its publisher, "
    "github.com/commonsense/conceptnet5/wiki/Downloads, under CC BY-SA 4.0: conceptnet-assertions-5.7.0.csv.gz, five "
    "columns with tabs between";

std::string_view KempConfig::variant() const {
  static constexpr std::array<std::array<std::string_view, 3>, 3> names{
      {{"kemp (no knowledge)", "kemp (concept map)", "kemp"},
       {"without_ece (no knowledge)", "without_ece (concept map)", "without_ece"},
       {"without_edd (no knowledge)", "without_edd (concept map)", "without_edd"}}};
  return names[static_cast<std::size_t>(variant_choice)][static_cast<std::size_t>(knowledge)];
}

ConfigFields KempConfig::model_fields() {
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
          {"knowledge", named_choice(knowledge, knowledge_names)},
          {"concepts_per_word", &concepts_per_word, 1, most_concepts},
          {"total_concepts", &total_concepts, 1, 1000},
          {"graph_mask", named_choice(graph_mask, graph_mask_names)},
          {"copy", &copy},
          {"variant", named_choice(variant_choice, variant_names)}};
}

ConfigFields KempConfig::training_fields() {
  return {{"lexicon", &lexicon},
          {"concepts", &concepts},
          {"graph_dropout", &graph_dropout, 0.0, 0.99},
          {"label_smoothing", &label_smoothing, 0.0, 0.99},
          {"weight_attention", &weight_attention, 0.0, 1e6}};
}

void KempConfig::take_data(const DataDescription& data) {
  vocabulary = data.vocabulary;
  embedding = data.embedding;
  emotion_classes = count_of(data.labels.front().classes);
}

void KempConfig::check() const {
  KempConfig same = *this;
  check_fields(same.model_fields());
  check_fields(same.training_fields());
  check_transformer(transformer);
  ETHREED_CHECK(has_knowledge() || (lexicon.empty() && concepts.empty()),
                "config key '{}' names a file, but 'knowledge' is none; say in it what the file is: concept_map or "
                "conceptnet",
                lexicon.empty() ? "concepts" : "lexicon");
}

void KempConfig::check_data(const DataDescription&) const {
  if (!has_knowledge()) return;
  const bool map = knowledge == Knowledge::concept_map;
  ETHREED_CHECK(!lexicon.empty(),
                "model 'kemp' with knowledge {} wants the path of an affect lexicon in training key "
                "'lexicon'; {}",
                knowledge_names[static_cast<std::size_t>(knowledge)], lexicon_origin);
  ETHREED_CHECK(!concepts.empty(), "model 'kemp' with knowledge {} wants the path of {} in training key 'concepts'; {}",
                knowledge_names[static_cast<std::size_t>(knowledge)], map ? "a concept map" : "ConceptNet's assertions",
                map ? concept_map_origin : conceptnet_origin);
}

}  // namespace ethreed
