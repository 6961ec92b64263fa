#pragma once
// Texts with classes, from a corpus: its situations, or utterances that a file labels.

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace ethreed {

struct LabelledTexts {
  std::string split;
  std::vector<std::string> texts;
  std::vector<std::int32_t> labels;
};

struct ClassifierData {
  std::string what;                  ///< "situations", "labelled utterances": for people
  std::vector<std::string> classes;  ///< in the order of their numbers
  std::vector<LabelledTexts> splits;
  std::vector<std::string> notes;  ///< of what was passed over, a line each
  /// Null if the corpus has no such split, or no text in it.
  const LabelledTexts* split(std::string_view name) const;
};

/// The situation of every dialogue with its emotion; classes are the corpus's emotions in their order. Throws Error if
/// the corpus has no situations or no emotions.
ClassifierData read_situations(const std::filesystem::path& corpus);

/// The utterances that a file of labels names; classes are the labels of the training split in the order of their
/// bytes. Throws Error (file:line) as LabelFile does, and if the training split has fewer than two labels.
ClassifierData read_labelled_utterances(const std::filesystem::path& corpus, const std::filesystem::path& labels);

}  // namespace ethreed
