#pragma once
// Batches out of a split of the data.

#include "model/text/batch.h"
#include "model/text/dataset.h"

#include <span>
#include <vector>

namespace ethreed {

/// Builds batches of dialogues of one split; memory is kept from batch to batch.
class SplitBatches {
 public:
  /// The data set must outlive this object.
  explicit SplitBatches(const Split& split, std::int32_t vocabulary);

  const Split& split() const { return split_; }
  int dialogues() const { return static_cast<int>(split_.dialogues()); }
  /// The batch of these dialogues (indices into the split), valid until the next call.
  const Batch& make(std::span<const std::int32_t> dialogues);
  /// Place of turn t of dialogue d among all turns of the split.
  std::int64_t turn_index(int d, int t) const { return first_turn_[static_cast<std::size_t>(d)] + t; }

 private:
  const Split& split_;
  std::int32_t vocabulary_;
  std::vector<std::int64_t> first_turn_;
  std::vector<TurnInput> turns_;
  std::vector<DialogueInput> inputs_;
  Batch batch_;
};

/// Dialogues 0 … n−1 in the order of one epoch: a permutation that depends on seed and epoch alone (Fisher and Yates).
void shuffle_dialogues(int n, std::uint64_t seed, int epoch, std::vector<std::int32_t>& order);

}  // namespace ethreed
