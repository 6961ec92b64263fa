#include "model/emphi/config.h"

#include "core/error.h"
#include "core/indices.h"
#include "model/text/vocabulary.h"

#include <fmt/ranges.h>

#include <algorithm>

namespace ethreed {

ConfigFields EmphiConfig::model_fields() {
  constexpr double most = 65536;
  return {{.key = "vocabulary", .value = &vocabulary, .low = 5, .high = 10'000'000, .from_data = true},
          {.key = "embedding", .value = &embedding, .low = 1, .high = most, .from_data = true},
          {.key = "emotions", .value = &emotion_classes, .low = 2, .high = most, .from_data = true},
          {"keywords", &keywords, 1, 1000},
          {"context_tokens", &context_tokens, 1, most},
          {"variant", named_choice(variant_choice, variant_names)},
          {"states", named_choice(states, states_names)}};
}

ConfigFields EmphiConfig::training_fields() {
  return {{"unlabelled", named_choice(unlabelled, unlabelled_names)},
          {"weight_intent", &weight_intent, 0.0, 1e6},
          {"weight_emotion", &weight_emotion, 0.0, 1e6},
          {"weight_copy", &weight_copy, 0.0, 1e6},
          {"update_gate_bias", &update_gate_bias, -100.0, 100.0}};
}

void EmphiConfig::take_data(const DataDescription& data) {
  vocabulary = data.vocabulary;
  embedding = data.embedding;
  emotion_classes = count_of(data.labels.front().classes);
  keywords = std::clamp(keywords, 1, std::max(1, vocabulary - special_count));
}

void EmphiConfig::check() const {
  EmphiConfig copy = *this;
  check_fields(copy.model_fields());
  check_fields(copy.training_fields());
  ETHREED_CHECK(vocabulary == 0 || keywords <= vocabulary - special_count,
                "config key 'keywords' is {}, but the vocabulary has {} words; give fewer", keywords,
                vocabulary - special_count);
}

void EmphiConfig::check_data(const DataDescription& data) const {
  const LabelSet* set = data.find(std::string(emphi_column));
  ETHREED_CHECK(set != nullptr,
                "model 'emphi' learns the intents of replies, which the data does not have; prepare it with "
                "--label-column {}=FILE, a table with conv_id, utterance_idx and label (of EmpatheticDialogues: the "
                "labels of Welivita and Pu, COLING 2020, github.com/anuradha1992/EmpatheticIntents, under the texts' "
                "CC BY-NC 4.0; of the sample corpus: samples/corpus/intents.csv)",
                emphi_column);
  ETHREED_CHECK(std::any_of(set->classes.begin(), set->classes.end(),
                            [](const std::string& name) {
                              return std::find(emphi_intents.begin(), emphi_intents.end(), name) != emphi_intents.end();
                            }),
                "model 'emphi' learns the intents {}, and the data's label column '{}' has none of them; prepare it "
                "with another file after --label-column {}=",
                fmt::join(emphi_intents, ", "), emphi_column, emphi_column);
  ETHREED_CHECK(!has_distributions() || set->distributions,
                "'unlabelled' is 'classifier', but the data's label column '{}' has no probabilities; train a "
                "classifier on it (ethreed train --model emotion_classifier with texts 'utterances' and label_set "
                "'{}'), write them by ethreed label RUN CORPUS --distribution --parties listener --out FILE, and "
                "prepare the corpus again with --label-column {}=FILE --column-distributions {}",
                emphi_column, emphi_column, emphi_column, emphi_column);
}

}  // namespace ethreed
