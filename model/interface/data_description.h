#pragma once
// What a model must know of the data that it is made for.

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ethreed {

/// A set of labels: its name and its classes, the class number of each being its place.
struct LabelSet {
  std::string name;
  std::vector<std::string> classes;
  bool distributions = false;  ///< have the labelled utterances the probabilities of all classes
};

/// Labels of replies beside the emotions: a label column of the data, and which of its classes the model knows, in its
/// own order. A reply of another class, or of none, is without a label.
struct ReplyLabels {
  std::string_view column;  ///< empty: the model wants none
  std::span<const std::string_view> classes;
  bool distributions = false;  ///< the probabilities of these classes are wanted, too, where the data has them
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
