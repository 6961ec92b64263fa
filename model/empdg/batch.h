#pragma once
// A batch of replies for EmpDG: that of the transformers' family, and what its decoder reads in place of SOS.

#include "model/blocks/context_batch.h"

namespace ethreed {

struct EmpdgBatch {
  /// See ContextBatch::build.
  void build(std::span<const Example> examples, std::int32_t vocabulary, int most);

  using Arrays = std::array<std::span<const std::byte>, std::tuple_size_v<ContextBatch::Arrays> + 1>;
  Arrays arrays() const;

  ContextBatch replies;
  /// [target tokens] what stands before each: the row of a word in word_ids, or behind those, where it is the first
  /// token of reply r, their number + r.
  std::vector<std::int32_t> inputs;
};

}  // namespace ethreed
