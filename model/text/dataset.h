#pragma once
// The prepared corpus: one memory-mapped file that training, evaluation and generation read.
//
// DIR/dataset.safetensors holds
//   words.bytes uint8 [..], words.offsets int64 [W + 1]   word i is bytes[offsets[i], offsets[i + 1]); the first V are
//   the vocabulary vectors float32 [V, D]                                 where the embedding starts from
// and for each split, S turns and n dialogues, under `<split>.`:
//   tokens int32 [..], utterance_offsets int64 [2S + 1]    utterance 2t is the post of turn t, 2t + 1 the response;
//   each ends in EOS;
//                                                          an id ≥ V is a word outside the vocabulary
//   dialogue_offsets int64 [n + 1]                         dialogue d has the turns offsets[d] … offsets[d + 1] − 1
//   emotion int32 [n], listener_label int32 [S]            class numbers; −1: no label
//   conversation_bytes uint8 [..], conversation_offsets int64 [n + 1]
// and as metadata format, format_version, tokenizer_version, fingerprint, min_frequency, max_length, listener_labels,
// vectors.

#include "core/safetensors.h"
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

inline constexpr std::string_view dataset_file_name = "dataset.safetensors";

/// What goes into one split of the file; see above. Offsets start with 0.
struct SplitContents {
  std::string name;
  std::vector<std::int32_t> tokens;
  std::vector<std::int64_t> utterance_offsets{0};
  std::vector<std::int64_t> dialogue_offsets{0};
  std::vector<std::int32_t> emotion;
  std::vector<std::int32_t> listener_label;
  std::string conversation_bytes;
  std::vector<std::int64_t> conversation_offsets{0};
};

struct DatasetContents {
  WordTable words;  ///< the vocabulary, then every other word of the splits
  Tensor<float> vectors;
  std::vector<SplitContents> splits;
  std::int64_t min_frequency = 0;
  int max_length = 0;
  bool has_listener_labels = false;
  std::string vectors_source;  ///< a file's name, or "random"

  std::int64_t vocabulary_size() const { return vectors.rows(); }
  /// A hash of everything above but vectors_source, of the file format and of the tokenizer's rules; 16 hexadecimal
  /// digits.
  std::string fingerprint() const;
};

void write_dataset(AtomicFile& file, const DatasetContents& contents);

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
  std::int32_t emotion(std::int64_t d) const { return at(emotion_, d); }
  /// −1: no label.
  std::int32_t listener_label(std::int64_t d, std::int64_t t) const { return at(listener_label_, turn(d, t)); }
  std::string_view conversation_id(std::int64_t d) const;

 private:
  friend class Dataset;
  template <class T> static T at(std::span<const T> values, std::int64_t i) {
    return values[static_cast<std::size_t>(i)];
  }
  std::int64_t turn(std::int64_t d, std::int64_t t) const { return at(dialogue_offsets_, d) + t; }
  std::span<const std::int32_t> utterance(std::int64_t i) const {
    const std::int64_t begin = at(utterance_offsets_, i);
    return tokens_.subspan(static_cast<std::size_t>(begin),
                           static_cast<std::size_t>(at(utterance_offsets_, i + 1) - begin));
  }

  std::string name_;
  std::span<const std::int32_t> tokens_;
  std::span<const std::int64_t> utterance_offsets_;
  std::span<const std::int64_t> dialogue_offsets_;
  std::span<const std::int32_t> emotion_;
  std::span<const std::int32_t> listener_label_;
  std::span<const std::uint8_t> conversation_bytes_;
  std::span<const std::int64_t> conversation_offsets_;
};

/// An open data set; everything it hands out lives as long as it does. Move-only.
class Dataset {
 public:
  /// `directory` is what `ethreed prepare --out` wrote. Everything is checked against everything (version, offsets,
  /// token ids, lengths, classes), so that the rest of the program can trust it. Throws Error: file, what is wrong,
  /// what to do.
  static Dataset open(const std::filesystem::path& directory);

  const std::vector<Split>& splits() const { return splits_; }
  bool has_split(std::string_view name) const;
  /// Throws Error if the data set has no such split or it is empty.
  const Split& split(std::string_view name) const;

  /// V; ids below it are the vocabulary, the others name words that can only be copied.
  std::int32_t vocabulary_size() const { return static_cast<std::int32_t>(vectors_.rows()); }
  /// All words, V of the vocabulary included.
  std::int32_t words() const { return static_cast<std::int32_t>(word_offsets_.size()) - 1; }
  /// Throws Error unless 0 ≤ id < words().
  std::string_view word(std::int32_t id) const;
  std::optional<std::int32_t> find(std::string_view word) const;
  /// A copy that can grow: for conversations, with words that the data set does not have.
  WordTable word_table() const;
  /// The first V words alone: what a checkpoint keeps.
  WordTable vocabulary() const;

  /// [V, D]
  View<const float> vectors() const { return vectors_; }
  int max_length() const { return max_length_; }
  bool has_listener_labels() const { return has_listener_labels_; }
  const std::string& fingerprint() const { return fingerprint_; }
  const std::filesystem::path& path() const { return file_.path(); }

 private:
  explicit Dataset(const std::filesystem::path& path);
  void read_metadata();
  void read_words();
  void read_split(std::string_view name);
  void check_split(const Split& split) const;
  std::string_view word_unchecked(std::size_t id) const;

  SafetensorsFile file_;
  std::span<const std::uint8_t> word_bytes_;
  std::span<const std::int64_t> word_offsets_;
  std::unordered_map<std::string_view, std::int32_t> ids_;
  View<const float> vectors_;
  std::vector<Split> splits_;
  int max_length_ = 0;
  bool has_listener_labels_ = false;
  std::string fingerprint_;
};

}  // namespace ethreed
