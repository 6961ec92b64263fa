#pragma once
// What a prepared data set holds, for people and for programs.

#include "model/text/emotions.h"

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace ethreed {

using EmotionCounts = std::array<std::int64_t, emotion_count>;

/// Tokens are counted as the model sees them: cut to max_length, end marks included.
struct SplitSummary {
  std::string name;
  std::int64_t rows = 0;                   ///< of the CSV file
  std::int64_t dialogues = 0;              ///< kept
  std::int64_t turns = 0;                  ///< pairs of a post and a response
  std::int64_t dropped_posts = 0;          ///< trailing, unanswered
  std::int64_t dropped_dialogues = 0;      ///< without a complete turn
  std::int64_t repeated_speaker_rows = 0;  ///< see CorpusSplit
  std::int64_t tokens = 0;
  std::int64_t target_tokens = 0;        ///< of the responses
  std::int64_t unknown_tokens = 0;       ///< outside the vocabulary, in posts and responses
  std::int64_t unknown_targets = 0;      ///< outside the vocabulary, in responses
  std::int64_t unreachable_targets = 0;  ///< those among them that the turn's post does not have: they stay UNK
  std::int64_t truncated = 0;            ///< utterances that were cut
  std::int64_t labelled_turns = 0;       ///< with a listener label
  EmotionCounts emotions{};              ///< dialogues by the speaker's emotion
  EmotionCounts listener_emotions{};     ///< turns by the listener's label
  std::int64_t situation_tokens = 0;
  std::int64_t unknown_situation_tokens = 0;            ///< outside the vocabulary
  std::int64_t truncated_situations = 0;                ///< situations that were cut
  std::int64_t empty_situations = 0;                    ///< dialogues whose situation is no word at all
  std::int64_t differing_situations = 0;                ///< see CorpusSplit
  std::vector<std::vector<std::int64_t>> label_counts;  ///< [label column][class]: utterances with that label

  /// Utterances that a label column gives a label.
  std::int64_t labelled_utterances(std::size_t column) const;
};

struct LabelColumnSummary {
  std::string name;
  std::string source;  ///< a file's name
  std::vector<std::string> classes;
  std::int64_t dropped_posts = 0;  ///< labels passed over: of posts that nobody answered
  std::int64_t other_splits = 0;   ///< labels passed over: of splits that are not here
};

struct PrepareSummary {
  std::vector<SplitSummary> splits;
  std::int64_t vocabulary_size = 0;
  std::int64_t words = 0;           ///< different words in all splits and the special ones
  std::int64_t dialogue_words = 0;  ///< those among them that utterances have; the others only situations have
  std::int64_t min_frequency = 0;
  int max_length = 0;
  int max_situation_length = 0;
  std::int64_t dimension = 0;
  std::string vectors_source;      ///< a file's name, or "random"
  std::int64_t covered_words = 0;  ///< of the vocabulary, without the special words, that have a vector in the file
  double covered_tokens = 0;       ///< the share of the training split's words (end marks left out) that these make up
  double vector_deviation = 0;
  std::string labels_source;                      ///< a file's name, or empty
  std::int64_t other_labels = 0;                  ///< labels passed over as no emotion
  bool has_listener_labels = false;               ///< the training split has at least one
  std::vector<LabelColumnSummary> label_columns;  ///< in the order of their names
  std::string fingerprint;                        ///< of the dialogues
  std::string texts_fingerprint;                  ///< of situations and label columns

  /// Lines for a terminal.
  std::string text() const;
  /// A JSON object with the same numbers.
  std::string json() const;
};

}  // namespace ethreed
