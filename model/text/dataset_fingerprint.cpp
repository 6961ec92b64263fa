#include "model/text/dataset_fingerprint.h"

#include "core/hash.h"
#include "model/text/tokenizer.h"

#include <fmt/ranges.h>

#include <array>

namespace ethreed {

namespace {

// Part of every fingerprint of its kind, whatever the file's format is: the same dialogues, the same fingerprint.
constexpr std::string_view dialogues_version = "1";
constexpr std::string_view texts_version = "1";
constexpr std::string_view training_version = "training 1";

// The words begin … end − 1 as they would lie in a table of their own.
struct FlatWords {
  std::span<const std::uint8_t> bytes;
  std::vector<std::int64_t> offsets;
};
FlatWords words_between(const DatasetArrays& data, std::size_t begin, std::size_t end) {
  FlatWords flat;
  const std::int64_t first = data.word_offsets[begin];
  flat.bytes = data.word_bytes.subspan(static_cast<std::size_t>(first),
                                       static_cast<std::size_t>(data.word_offsets[end] - first));
  for (std::size_t i = begin; i <= end; ++i) flat.offsets.push_back(data.word_offsets[i] - first);
  return flat;
}

void add(Fingerprint& hash, const FlatWords& words) {
  hash.add(words.bytes).add(std::span<const std::int64_t>(words.offsets));
}

// Tokens with the words outside the vocabulary numbered in the order in which they are met.
class CanonicalTokens {
 public:
  explicit CanonicalTokens(const DatasetArrays& data)
      : data_(data), vocabulary_(static_cast<std::int32_t>(data.vectors.rows())) {
    numbers_.assign(data.word_offsets.size() - 1, -1);
  }
  void add(Fingerprint& hash, std::span<const std::int32_t> tokens) {
    std::vector<std::int32_t> canonical(tokens.begin(), tokens.end());
    for (std::int32_t& token : canonical)
      if (token >= vocabulary_) token = number(token);
    hash.add(std::span<const std::int32_t>(canonical));
  }
  void add_words(Fingerprint& hash) const {
    for (const std::int32_t word : met_) ethreed::add(hash, words_between(data_, at(word), at(word) + 1));
  }

 private:
  static std::size_t at(std::int32_t i) { return static_cast<std::size_t>(i); }
  std::int32_t number(std::int32_t word) {
    std::int32_t& number = numbers_[at(word)];
    if (number < 0) {
      number = vocabulary_ + static_cast<std::int32_t>(met_.size());
      met_.push_back(word);
    }
    return number;
  }

  const DatasetArrays& data_;
  std::int32_t vocabulary_;
  std::vector<std::int32_t> numbers_, met_;
};

}  // namespace

std::string class_lines(const LabelColumn& column) { return fmt::format("{}", fmt::join(column.classes, "\n")); }

std::string emotion_lines(const EmotionSet& emotions) { return fmt::format("{}", fmt::join(emotions.names(), "\n")); }

std::string dialogues_fingerprint(const DatasetArrays& data) {
  const std::array<std::int64_t, 3> numbers{data.min_frequency, data.max_length, data.has_listener_labels};
  Fingerprint hash;
  hash.add(dialogues_version).add(version_of(data.tokens)).add(std::span<const std::int64_t>(numbers));
  add(hash, words_between(data, 0, static_cast<std::size_t>(data.dialogue_words)));
  hash.add(data.vectors.span());
  for (const SplitArrays& split : data.splits) {
    hash.add(split.name).add(split.tokens).add(split.utterance_offsets).add(split.dialogue_offsets);
    hash.add(split.emotion).add(split.listener_label);
    if (!split.post_emotion.empty()) hash.add(std::string_view("post_emotion")).add(split.post_emotion);
    if (!split.listener_distribution.empty())
      hash.add(std::string_view("listener_distribution")).add(split.listener_distribution);
    hash.add(split.conversation_bytes).add(split.conversation_offsets);
  }
  if (!data.emotions.is_default()) hash.add(emotion_lines(data.emotions));
  return hash.text();
}

std::string texts_fingerprint(const DatasetArrays& data) {
  const std::array<std::int64_t, 2> numbers{data.max_situation_length, data.dialogue_words};
  Fingerprint hash;
  hash.add(texts_version).add(version_of(data.tokens)).add(std::span<const std::int64_t>(numbers));
  add(hash, words_between(data, static_cast<std::size_t>(data.dialogue_words), data.word_offsets.size() - 1));
  for (const LabelColumn& column : data.label_columns) hash.add(column.name).add(class_lines(column));
  for (const SplitArrays& split : data.splits) {
    hash.add(split.name).add(split.situation_tokens).add(split.situation_offsets);
    for (const std::span<const std::int32_t> labels : split.labels) hash.add(labels);
    for (std::size_t i = 0; i < split.label_distributions.size(); ++i)
      if (!split.label_distributions[i].empty())
        hash.add(std::string_view("label_distribution"))
            .add(data.label_columns[i].name)
            .add(split.label_distributions[i]);
  }
  return hash.text();
}

std::string training_fingerprint(const DatasetArrays& data, const SplitArrays& split, const TrainingPart& part) {
  CanonicalTokens tokens(data);
  Fingerprint hash;
  hash.add(training_version);
  add(hash, words_between(data, 0, static_cast<std::size_t>(data.vectors.rows())));
  hash.add(split.emotion).add(split.dialogue_offsets);
  if (part.situations) {
    tokens.add(hash, split.situation_tokens);
    hash.add(split.situation_offsets);
  } else {
    tokens.add(hash, split.tokens);
    hash.add(split.utterance_offsets);
  }
  if (!split.post_emotion.empty()) hash.add(std::string_view("post_emotion")).add(split.post_emotion);
  if (!data.emotions.is_default()) hash.add(emotion_lines(data.emotions));
  if (part.listener_labels) hash.add(split.listener_label);
  if (part.listener_distributions) hash.add(split.listener_distribution);
  for (std::size_t i = 0; i < data.label_columns.size(); ++i) {
    if (data.label_columns[i].name != part.label_column) continue;
    hash.add(class_lines(data.label_columns[i])).add(split.labels[i]);
    if (part.label_distributions) hash.add(split.label_distributions[i]);
  }
  tokens.add_words(hash);
  return hash.text();
}

}  // namespace ethreed
