#include "model/mime/config.h"

#include "core/error.h"
#include "core/indices.h"
#include "model/text/emotions.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <span>
#include <vector>

namespace ethreed {

namespace {

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find(' ', begin), text.size());
    if (end > begin) words.push_back(emotion_key(text.substr(begin, end - begin)));
    begin = end + 1;
  }
  return words;
}

template <class Names> std::string groups_of(const Names& classes, std::string_view positive) {
  const std::vector<std::string> names = words_of(positive);
  std::string groups;
  for (const auto& name : classes)
    groups += std::find(names.begin(), names.end(), emotion_key(name)) != names.end() ? '+' : '-';
  return groups;
}

}  // namespace

MimeConfig::MimeConfig() : emotion_groups(groups_of(emotion_names, positive_emotions)) {}

int MimeConfig::group_size(bool positive) const {
  return static_cast<int>(std::count(emotion_groups.begin(), emotion_groups.end(), positive ? '+' : '-'));
}

ConfigFields MimeConfig::model_fields() {
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
          {"decoder_sample", named_choice(decoder_sample, variant_names)},
          {"shared_log_variance", &shared_log_variance},
          {"one_mimicry_encoder", &one_mimicry_encoder},
          {"positive_emotions", &positive_emotions},
          {.key = "emotion_groups", .value = &emotion_groups, .from_data = true}};
}

ConfigFields MimeConfig::training_fields() {
  return {{"label_smoothing", &label_smoothing, 0.0, 0.99},
          {"sample_in_training", &sample_in_training},
          {.key = "selection", .value = named_choice(selection, selection_names), .unwritten = 0}};
}

void MimeConfig::take_data(const DataDescription& data) {
  vocabulary = data.vocabulary;
  embedding = data.embedding;
  const std::vector<std::string>& classes = data.labels.front().classes;
  emotion_classes = count_of(classes);
  emotion_groups = groups_of(classes, positive_emotions);
}

void MimeConfig::check() const {
  MimeConfig copy = *this;
  check_fields(copy.model_fields());
  check_fields(copy.training_fields());
  check_transformer(transformer);
  const bool signs =
      std::all_of(emotion_groups.begin(), emotion_groups.end(), [](char sign) { return sign == '+' || sign == '-'; });
  ETHREED_CHECK(signs && count_of(emotion_groups) == emotion_classes,
                "config key 'emotion_groups' is '{}', wanted '+' or '-' for each of {} emotions", emotion_groups,
                emotion_classes);
  for (const bool positive : {true, false})
    ETHREED_CHECK(group_size(positive) > 0,
                  "config key 'positive_emotions' is '{}': no emotion of the data is {}; name some of them, not all",
                  positive_emotions, positive ? "among them" : "outside");
}

void MimeConfig::check_data(const DataDescription& data) const {
  if (positive_emotions != mime_positive_emotions) return;
  std::vector<std::string> strange;
  for (const std::string& name : data.labels.front().classes)
    if (!emotion_id(emotion_key(name))) strange.push_back(name);
  ETHREED_CHECK(strange.empty(),
                "model 'mime' has two groups of emotions, and of {} nobody knows which; name the positive ones of the "
                "data in model key 'positive_emotions', blanks between them",
                fmt::join(strange, ", "));
}

}  // namespace ethreed
