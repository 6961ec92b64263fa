#pragma once
// The labels of replies as classes that a model knows.

#include "model/interface/data_description.h"
#include "model/text/dataset.h"

#include <cstdint>
#include <span>
#include <vector>

namespace ethreed {

/// Borrows the labels, which must outlive it.
class ReplyClasses {
 public:
  ReplyClasses(const UtteranceLabels& labels, const ReplyLabels& known);

  /// Are there distributions, and are they wanted.
  bool has_distributions() const { return distributions_; }
  /// The known class of the reply of turn t of dialogue d, −1 for none, and into p [known classes] their probabilities
  /// divided by their sum. With distributions the class is the likeliest, the first of equal ones, and −1 where all of
  /// them have 0; otherwise it is the label's, and p is left as it is.
  int read(std::int64_t d, std::int64_t t, std::span<float> p) const;

 private:
  const UtteranceLabels& labels_;
  std::vector<std::int32_t> known_class_;  // of each class of the labels, −1 for none
  bool distributions_ = false;
};

}  // namespace ethreed
