#include "model/training/split_batches.h"

#include "model/training/random_streams.h"

#include <numeric>

namespace ethreed {

SplitBatches::SplitBatches(const Split& split, std::int32_t vocabulary) : split_(split), vocabulary_(vocabulary) {
  std::int64_t turns = 0;
  for (int d = 0; d < split.dialogues(); ++d) {
    first_turn_.push_back(turns);
    turns += split.turns(d);
  }
}

const Batch& SplitBatches::make(std::span<const std::int32_t> dialogues) {
  std::size_t count = 0;
  for (const std::int32_t d : dialogues) count += static_cast<std::size_t>(split_.turns(d));
  turns_.clear();
  turns_.reserve(count);  // inputs_ points into turns_
  inputs_.clear();
  for (const std::int32_t d : dialogues) {
    const std::size_t first = turns_.size();
    for (int t = 0; t < split_.turns(d); ++t)
      turns_.push_back({.post = split_.post(d, t),
                        .response = split_.response(d, t),
                        .emotion = split_.emotion(d),
                        .listener_label = split_.listener_label(d, t)});
    inputs_.emplace_back(turns_.data() + first, turns_.size() - first);
  }
  batch_.build(inputs_, vocabulary_);
  return batch_;
}

void shuffle_dialogues(int n, std::uint64_t seed, int epoch, std::vector<std::int32_t>& order) {
  order.resize(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  const PhiloxStream random = random_stream(seed, Draw::shuffle, static_cast<std::uint64_t>(epoch));
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random.below(i, i)]);
}

}  // namespace ethreed
