#pragma once
// What a prepared data set holds, for people and for programs.

#include "model/text/notes.h"

#include <cstdint>
#include <string>
#include <vector>

namespace ethreed {

using EmotionCounts = std::vector<std::int64_t>;  ///< [K]

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
  EmotionCounts emotions;                ///< dialogues by the speaker's emotion
  EmotionCounts post_emotions;           ///< posts by their own emotion; empty where they have that of the dialogue
  EmotionCounts listener_emotions;       ///< turns by the listener's label
  std::int64_t situation_tokens = 0;
  std::int64_t unknown_situation_tokens = 0;            ///< outside the vocabulary
  std::int64_t truncated_situations = 0;                ///< situations that were cut
  std::int64_t empty_situations = 0;                    ///< dialogues whose situation is no word at all
  std::int64_t differing_situations = 0;                ///< see CorpusSplit
  std::vector<std::vector<std::int64_t>> label_counts;  ///< [label column][class]: utterances with that label

  std::vector<Note> notes;  ///< what else was met in reading

  /// Utterances that a label column gives a label.
  std::int64_t labelled_utterances(std::size_t column) const;
};

struct LabelColumnSummary {
  std::string name;
  std::string source;  ///< a file's name
  std::vector<std::string> classes;
  std::int64_t dropped_posts = 0;  ///< labels passed over: of posts that nobody answered
  std::int64_t other_splits = 0;   ///< labels passed over: of splits that are not here
  std::int64_t joined = 0;         ///< labels replaced by that of a row joined to the same utterance
};

/// A word longer than this is met in hardly any language that puts spaces between words.
inline constexpr std::int64_t longest_usual_word = 30;

/// Tokens of the training split that begin with a letter, whole (not cut to max_length).
struct WordCensus {
  std::int64_t tokens = 0;
  std::int64_t once = 0;         ///< of words that occur once
  std::int64_t long_tokens = 0;  ///< of more than longest_usual_word characters
  std::int64_t longest = 0;      ///< characters
};

struct PrepareSummary {
  std::vector<SplitSummary> splits;
  std::int64_t vocabulary_size = 0;
  std::int64_t words = 0;           ///< different words in all splits and the special ones
  std::int64_t dialogue_words = 0;  ///< those among them that utterances have; the others only situations have
  std::string tokens;               ///< the rules' name
  bool full_vocabulary = false;     ///< see VocabularyOf
  std::int64_t min_frequency = 0;
  int max_length = 0;
  int max_situation_length = 0;
  std::int64_t dimension = 0;
  std::string vectors_source;      ///< a file's name, or "random"
  std::int64_t covered_words = 0;  ///< of the vocabulary, without the special words, that have a vector in the file
  double covered_tokens = 0;       ///< the share of the training split's words (end marks left out) that these make up
  double vector_deviation = 0;
  WordCensus words_of_train;
  std::vector<std::string> emotions;              ///< names by class number
  std::string emotions_source;                    ///< see CorpusEmotions
  bool emotion_per_utterance = false;             ///< the corpus has an emotion for every utterance
  bool has_emotions = false;                      ///< the corpus has any
  std::string labels_source;                      ///< a file's name, or empty
  std::int64_t label_rows = 0;                    ///< of that file, without the header
  std::int64_t used_labels = 0;                   ///< of them, labels that reached an utterance
  std::int64_t speaker_labels = 0;                ///< passed over: of the speaker's utterances
  std::int64_t other_labels = 0;                  ///< labels passed over as no emotion
  bool has_listener_labels = false;               ///< the training split has at least one
  std::vector<LabelColumnSummary> label_columns;  ///< in the order of their names
  std::vector<Note> notes;                        ///< what was met beside the splits
  std::string fingerprint;                        ///< of the dialogues
  std::string texts_fingerprint;                  ///< of situations and label columns

  /// Of the training tokens less have a vector of the file than usual: another language, or another case.
  bool poor_coverage() const { return vectors_source != "random" && covered_tokens < 0.5; }
  /// The tokenizer does not fit the language, it seems.
  bool odd_words() const {
    return words_of_train.tokens >= 8 &&
           (5 * words_of_train.once >= 4 * words_of_train.tokens ||
            100 * words_of_train.long_tokens >= words_of_train.tokens || words_of_train.longest > 1000);
  }

  /// Lines for a terminal.
  std::string text() const;
  /// A JSON object with the same numbers.
  std::string json() const;
};

}  // namespace ethreed
