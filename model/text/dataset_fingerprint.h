#pragma once
// Fingerprints of a data set, computed from its contents alike where it is written and where it is opened.

#include "core/tensor.h"
#include "model/text/dataset.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ethreed {

/// One split as arrays; see dataset.h. Borrowed.
struct SplitArrays {
  std::string_view name;
  std::span<const std::int32_t> tokens;
  std::span<const std::int64_t> utterance_offsets, dialogue_offsets;
  std::span<const std::int32_t> emotion, listener_label;
  std::span<const std::int32_t> post_emotion;    ///< empty: that of the dialogue
  std::span<const float> listener_distribution;  ///< empty: none
  std::span<const std::uint8_t> conversation_bytes;
  std::span<const std::int64_t> conversation_offsets;
  std::span<const std::int32_t> situation_tokens;
  std::span<const std::int64_t> situation_offsets;
  std::vector<std::span<const std::int32_t>> labels;        ///< by label column
  std::vector<std::span<const float>> label_distributions;  ///< the same; empty: none
};

/// A whole data set as arrays. Borrowed.
struct DatasetArrays {
  std::span<const std::uint8_t> word_bytes;
  std::span<const std::int64_t> word_offsets;
  std::int32_t dialogue_words = 0;
  View<const float> vectors;
  std::int64_t min_frequency = 0;
  int max_length = 0, max_situation_length = 0;
  bool has_listener_labels = false;
  std::span<const LabelColumn> label_columns;
  EmotionSet emotions;
  TokenRules tokens = TokenRules::own;
  std::vector<SplitArrays> splits;
};

/// See DatasetContents::fingerprint.
std::string dialogues_fingerprint(const DatasetArrays& data);
/// See DatasetContents::texts_fingerprint.
std::string texts_fingerprint(const DatasetArrays& data);
/// Of the words that tokens of one split name: what it says does not depend on the numbers of words outside the
/// vocabulary. See Dataset::training_fingerprint.
std::string training_fingerprint(const DatasetArrays& data, const SplitArrays& split, const TrainingPart& part);

/// The class names of a label column, one a line.
std::string class_lines(const LabelColumn& column);
/// The same of emotions.
std::string emotion_lines(const EmotionSet& emotions);

}  // namespace ethreed
