#pragma once
// The prepared corpus: one memory-mapped file that training, evaluation and generation read.
//
// DIR/dataset.safetensors holds
//   words.bytes uint8 [..], words.offsets int64 [W + 1]   word i is bytes[offsets[i], offsets[i + 1]); the first V are
//   the vocabulary, the first `dialogue_words` all words of utterances, the rest words that only situations have
//   vectors float32 [V, D]                                 where the embedding starts from
// and for each split, S turns and n dialogues, under `<split>.`:
//   tokens int32 [..], utterance_offsets int64 [2S + 1]    utterance 2t is the post of turn t, 2t + 1 the response;
//                                                          each ends in EOS; an id ≥ V is a word outside the
//                                                          vocabulary
//   dialogue_offsets int64 [n + 1]                         dialogue d has the turns offsets[d] … offsets[d + 1] − 1
//   emotion int32 [n], listener_label int32 [S]            class numbers; −1: no label
//   post_emotion int32 [S]                                 optional: the emotion of each post, where posts have their
//                                                          own; −1: no label. Else that of the dialogue
//   listener_distribution float32 [S, K]                   optional: the probabilities of the emotions in each reply;
//                                                          a row sums to 1, or is 0 where the reply has no label
//   conversation_bytes uint8 [..], conversation_offsets int64 [n + 1]
//   situation_tokens int32 [..], situation_offsets int64 [n + 1]   optional: each dialogue's situation, EOS last
//   label.<name> int32 [2S]                                for each label column: class numbers by utterance; −1: no
//                                                          label
//   label_distribution.<name> float32 [2S, C]              optional, of a label column of C classes: their
//                                                          probabilities in each utterance; a row sums to 1, or is 0
//                                                          where the utterance has no label
// and as metadata tokenizer_version (see version_of: the rules by which texts became tokens), emotions (their names by
// class number, one a line; absent: the 32 of EmpatheticDialogues), format, format_version, fingerprint,
// texts_fingerprint, min_frequency, max_length, max_situation_length, dialogue_words, listener_labels, vectors, and
// label.<name>.classes (one a line) for each label column. Files of format version 1, which have no situations, no
// label columns and no metadata for them, are read too. Version 2 is written where neither posts nor emotions need
// more; 3 has post_emotion or other emotions; 4 has listener_distribution, and what 3 has where it is needed; 5 has
// label_distribution, and what 4 has where it is needed.

#include "core/safetensors.h"
#include "model/text/emotions.h"
#include "model/text/word_table.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace ethreed {

struct DatasetArrays;
struct SplitArrays;

inline constexpr std::string_view dataset_file_name = "dataset.safetensors";

/// A kind of label that utterances have besides the listener's emotion.
struct LabelColumn {
  std::string name;
  std::vector<std::string> classes;  ///< their names by class number: in the order of bytes, all different
  bool operator==(const LabelColumn&) const = default;
};

/// What goes into one split of the file; see above. Offsets start with 0.
struct SplitContents {
  std::string name;
  std::vector<std::int32_t> tokens;
  std::vector<std::int64_t> utterance_offsets{0};
  std::vector<std::int64_t> dialogue_offsets{0};
  std::vector<std::int32_t> emotion;
  std::vector<std::int32_t> listener_label;
  std::vector<std::int32_t> post_emotion;    ///< [S], or empty: that of the dialogue
  std::vector<float> listener_distribution;  ///< [S·K], or empty: the replies have labels alone
  std::string conversation_bytes;
  std::vector<std::int64_t> conversation_offsets{0};
  std::vector<std::int32_t> situation_tokens;
  std::vector<std::int64_t> situation_offsets;    ///< empty: the split has no situations
  std::vector<std::vector<std::int32_t>> labels;  ///< [label column][2S]
  /// [label column][2S·classes], or empty for a column that has labels alone; empty altogether: no column has more.
  std::vector<std::vector<float>> label_distributions;
};

inline constexpr int default_situation_length = 100;

struct DatasetContents {
  /// The vocabulary, then every other word of utterances, then those of situations; and the rules by which texts became
  /// tokens.
  WordTable words;
  Tensor<float> vectors;
  std::vector<SplitContents> splits;
  std::int64_t min_frequency = 0;
  int max_length = 0;
  bool has_listener_labels = false;
  std::string vectors_source;        ///< a file's name, or "random"
  std::int32_t situation_words = 0;  ///< how many words, the last ones, only situations have
  int max_situation_length = default_situation_length;
  std::vector<LabelColumn> label_columns;  ///< in the order of their names' bytes
  EmotionSet emotions;

  std::int64_t vocabulary_size() const { return vectors.rows(); }
  std::int32_t dialogue_words() const { return words.size() - situation_words; }
  /// A hash of the dialogues, 16 hexadecimal digits: of the vectors, the words of utterances, every split's dialogues
  /// and listener labels, emotions that are not the 32, the tokenizer's rules and the limits. Situations and label
  /// columns do not change it.
  std::string fingerprint() const;
  /// The same of situations, their words and the label columns.
  std::string texts_fingerprint() const;
};

/// Throws Error if a split lacks the labels of a column, if it has probabilities of none, or if the file cannot be
/// written.
void write_dataset(AtomicFile& file, const DatasetContents& contents);

class Dataset;
/// The data set without a file; `name` stands for its path in messages.
Dataset open_in_memory(const DatasetContents& contents, const std::string& name);

/// What of the training split a model learns from, beside the vocabulary and the emotions.
struct TrainingPart {
  bool situations = false;              ///< these in place of the utterances
  bool listener_labels = false;         ///< the emotions of the replies
  bool listener_distributions = false;  ///< their probabilities, too
  std::string label_column;             ///< the labels of this column, too
  bool label_distributions = false;     ///< and the probabilities of its classes
};

class Split;

/// The labels of one column in a split. Indices are trusted, as in Split.
class UtteranceLabels {
 public:
  const std::string& name() const { return name_; }
  /// Their names by class number.
  std::span<const std::string> classes() const { return classes_; }
  /// The class of the post of turn t of dialogue d, or of its response; −1: no label.
  std::int32_t label(std::int64_t d, std::int64_t t, bool response) const {
    const std::int64_t turn = dialogue_offsets_[static_cast<std::size_t>(d)] + t;
    return labels_[static_cast<std::size_t>(2 * turn + response)];
  }
  bool has_distributions() const { return !distributions_.empty(); }
  /// The probabilities of the classes in the post of turn t of dialogue d, or in its response: as many as classes(),
  /// that sum to 1; empty where it has none.
  std::span<const float> distribution(std::int64_t d, std::int64_t t, bool response) const;

 private:
  friend class Dataset;
  friend class Split;
  std::string name_;
  std::span<const std::string> classes_;
  std::span<const std::int64_t> dialogue_offsets_;
  std::span<const std::int32_t> labels_;
  std::span<const float> distributions_;  // empty: none
};

/// One split of an open data set. Indices are trusted: 0 ≤ d < dialogues(), 0 ≤ t < turns(d).
class Split {
 public:
  const std::string& name() const { return name_; }
  std::int64_t dialogues() const { return static_cast<std::int64_t>(emotion_.size()); }
  /// Of all dialogues together.
  std::int64_t turns() const { return static_cast<std::int64_t>(listener_label_.size()); }
  std::int64_t turns(std::int64_t d) const { return at(dialogue_offsets_, d + 1) - at(dialogue_offsets_, d); }
  /// Word ids, EOS last; 1 to max_length of them.
  std::span<const std::int32_t> post(std::int64_t d, std::int64_t t) const { return utterance(2 * turn(d, t)); }
  std::span<const std::int32_t> response(std::int64_t d, std::int64_t t) const { return utterance(2 * turn(d, t) + 1); }
  /// Of the dialogue; −1: none.
  std::int32_t emotion(std::int64_t d) const { return at(emotion_, d); }
  /// Of the post of a turn: its own where posts have their own, else the dialogue's; −1: none.
  std::int32_t post_emotion(std::int64_t d, std::int64_t t) const {
    return post_emotion_.empty() ? emotion(d) : at(post_emotion_, turn(d, t));
  }
  /// −1: no label.
  std::int32_t listener_label(std::int64_t d, std::int64_t t) const { return at(listener_label_, turn(d, t)); }
  bool has_listener_distributions() const { return !listener_distribution_.empty(); }
  /// The probabilities of the emotions in the reply, K of them that sum to 1; empty where it has none.
  std::span<const float> listener_distribution(std::int64_t d, std::int64_t t) const;
  std::string_view conversation_id(std::int64_t d) const;
  bool has_situations() const { return !situation_offsets_.empty(); }
  /// Word ids, EOS last; 1 to max_situation_length of them, 1 where the corpus gives no text. Only with
  /// has_situations().
  std::span<const std::int32_t> situation(std::int64_t d) const {
    return cut(situation_tokens_, situation_offsets_, d);
  }
  /// The labels of a column, or nullptr where the data set has no such column. Lives as long as the Split.
  const UtteranceLabels* labels(std::string_view column) const;

 private:
  friend class Dataset;
  SplitArrays arrays() const;
  template <class T> static T at(std::span<const T> values, std::int64_t i) {
    return values[static_cast<std::size_t>(i)];
  }
  std::int64_t turn(std::int64_t d, std::int64_t t) const { return at(dialogue_offsets_, d) + t; }
  static std::span<const std::int32_t> cut(std::span<const std::int32_t> tokens, std::span<const std::int64_t> offsets,
                                           std::int64_t i) {
    const std::int64_t begin = at(offsets, i);
    return tokens.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(at(offsets, i + 1) - begin));
  }
  std::span<const std::int32_t> utterance(std::int64_t i) const { return cut(tokens_, utterance_offsets_, i); }

  std::string name_;
  std::span<const std::int32_t> tokens_;
  std::span<const std::int64_t> utterance_offsets_;
  std::span<const std::int64_t> dialogue_offsets_;
  std::span<const std::int32_t> emotion_;
  std::span<const std::int32_t> listener_label_;
  std::span<const std::int32_t> post_emotion_;    // empty: that of the dialogue
  std::span<const float> listener_distribution_;  // empty: none
  std::span<const std::uint8_t> conversation_bytes_;
  std::span<const std::int64_t> conversation_offsets_;
  std::span<const std::int32_t> situation_tokens_;
  std::span<const std::int64_t> situation_offsets_;
  std::vector<UtteranceLabels> labels_;
};

/// An open data set; everything it hands out lives as long as it does. Move-only.
class Dataset {
 public:
  /// `directory` is what `ethreed prepare --out` wrote. Everything is checked against everything (version, offsets,
  /// token ids, lengths, classes), so that the rest of the program can trust it, and the contents against the
  /// fingerprints that were taken when it was prepared. Throws Error: file, what is wrong, what to do.
  static Dataset open(const std::filesystem::path& directory);

  const std::vector<Split>& splits() const { return splits_; }
  bool has_split(std::string_view name) const;
  /// Throws Error if the data set has no such split or it is empty.
  const Split& split(std::string_view name) const;

  /// V; ids below it are the vocabulary, the others name words that can only be copied.
  std::int32_t vocabulary_size() const { return static_cast<std::int32_t>(vectors_.rows()); }
  /// All words, V of the vocabulary included. The first dialogue_words() are those of utterances.
  std::int32_t words() const { return static_cast<std::int32_t>(word_offsets_.size()) - 1; }
  std::int32_t dialogue_words() const { return dialogue_words_; }
  /// Throws Error unless 0 ≤ id < words().
  std::string_view word(std::int32_t id) const;
  std::optional<std::int32_t> find(std::string_view word) const;
  /// A copy that can grow: for conversations, with words that the data set does not have.
  WordTable word_table() const;
  /// The first V words alone: what a checkpoint keeps.
  WordTable vocabulary() const;

  /// [V, D]
  View<const float> vectors() const { return vectors_; }
  /// By which its texts became tokens.
  TokenRules tokens() const { return tokens_; }
  int max_length() const { return max_length_; }
  int max_situation_length() const { return max_situation_length_; }  ///< 0 in a file of format 1
  bool has_listener_labels() const { return has_listener_labels_; }
  /// Have the labelled replies of every split their emotions' probabilities.
  bool has_listener_distributions() const;
  /// The classes of emotions and listener labels.
  const EmotionSet& emotions() const { return emotions_; }
  /// In the order of their names' bytes; every split has labels of each.
  const std::vector<LabelColumn>& label_columns() const { return label_columns_; }
  /// nullptr: there is no such column.
  const LabelColumn* label_column(std::string_view name) const;
  /// Have the labelled utterances of every split the probabilities of this column's classes.
  bool has_label_distributions(std::string_view column) const;
  /// Of the dialogues: see DatasetContents.
  const std::string& fingerprint() const { return fingerprint_; }
  /// Of situations and label columns; empty in a file of format 1.
  const std::string& texts_fingerprint() const { return texts_fingerprint_; }
  /// A hash of what a run has learned from: the vocabulary and this part of the training split, by its words. Other
  /// splits, other label columns and word vectors do not change it. Throws Error if there is no training split.
  std::string training_fingerprint(const TrainingPart& part) const;
  std::int64_t min_frequency() const { return min_frequency_; }
  /// Compares vocabulary.txt, which lies beside the file for people and is not read, with the words. Throws Error.
  void verify_vocabulary_file() const;
  const std::filesystem::path& path() const { return file_.path(); }

 private:
  explicit Dataset(SafetensorsFile file);
  friend Dataset open_in_memory(const DatasetContents& contents, const std::string& name);
  void read_metadata();
  void read_token_rules();
  void check_fingerprints() const;
  DatasetArrays arrays() const;
  template <class T> T number(std::string_view key, T lowest) const;
  void read_label_columns();
  void read_words();
  void read_split(std::string_view name);
  void read_situations(Split& split) const;
  void read_labels(Split& split) const;
  void read_label_distributions(const Split& split, UtteranceLabels& labels) const;
  void read_distributions(Split& split) const;
  void check(bool good, const Split& split, std::string_view what) const;
  void check_split(const Split& split) const;
  void check_text(const Split& split, std::span<const std::int32_t> tokens, int max_length,
                  std::string_view kind) const;
  std::string_view word_unchecked(std::size_t id) const;

  SafetensorsFile file_;
  std::span<const std::uint8_t> word_bytes_;
  std::span<const std::int64_t> word_offsets_;
  std::unordered_map<std::string_view, std::int32_t> ids_;
  View<const float> vectors_;
  std::vector<Split> splits_;
  std::vector<LabelColumn> label_columns_;
  EmotionSet emotions_;
  bool first_format_ = false;      // format version 1
  bool without_emotions_ = false;  // format versions from 3 on: dialogues may have none
  TokenRules tokens_ = TokenRules::own;
  std::int32_t dialogue_words_ = 0;
  std::int64_t min_frequency_ = 0;
  int max_length_ = 0;
  int max_situation_length_ = 0;
  bool has_listener_labels_ = false;
  std::string fingerprint_;
  std::string texts_fingerprint_;
};

}  // namespace ethreed
