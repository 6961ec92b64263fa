#include "model/empdg/batch.h"

#include <algorithm>

namespace ethreed {

void EmpdgBatch::build(std::span<const Example> examples, std::int32_t vocabulary, int most) {
  replies.build(examples, vocabulary, most);
  inputs = replies.inputs;
  const DialogueBatch& d = replies.dialogues;
  for (int r = 0; r < d.turns(); ++r) inputs[d.target_offsets[r]] = count_of(d.word_ids) + r;
}

EmpdgBatch::Arrays EmpdgBatch::arrays() const {
  Arrays arrays;
  const auto shared = replies.arrays();
  *std::copy(shared.begin(), shared.end(), arrays.begin()) = std::as_bytes(std::span(inputs));
  return arrays;
}

}  // namespace ethreed
