#pragma once
// A batch of dialogues for HRED: that of blocks, and what a decoder without a pointer reads.

#include "model/blocks/dialogue_batch.h"

namespace ethreed {

class HredBatch {
 public:
  /// Throws Error as DialogueBatch::build.
  void build(std::span<const Example> dialogues, std::int32_t vocabulary);

  using Arrays = std::array<std::span<const std::byte>, std::tuple_size_v<DialogueBatch::Arrays> + 3>;
  Arrays arrays() const;

  DialogueBatch dialogues;
  std::vector<std::int32_t> targets;      ///< [target tokens] ids below V: what the vocabulary lacks is UNK
  std::vector<std::int32_t> contexts;     ///< [N] by decoder row: chain row of P_t
  std::vector<std::int32_t> packed_rows;  ///< [packed decoder rows] decoder row
};

}  // namespace ethreed
