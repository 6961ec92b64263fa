#pragma once
// What a model must know of the data that it is made for.

#include <string>
#include <vector>

namespace ethreed {

/// A set of labels: its name and its classes, the class number of each being its place.
struct LabelSet {
  std::string name;
  std::vector<std::string> classes;
};

struct DataDescription {
  int vocabulary = 0;                   ///< V
  int embedding = 0;                    ///< D_w, of the word vectors
  bool listener_labels = false;         ///< has the training split labels of the listener's replies
  bool listener_distributions = false;  ///< have they the probabilities of all emotions
  bool situations = false;              ///< has every dialogue its situation
  std::vector<LabelSet> labels;         ///< "emotion" (of dialogues) first, then every named column of the data

  /// The set of this name, or null.
  const LabelSet* find(const std::string& name) const {
    for (const LabelSet& set : labels)
      if (set.name == name) return &set;
    return nullptr;
  }
};

}  // namespace ethreed
