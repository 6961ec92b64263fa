#include "model/hred/batch.h"

#include <algorithm>

namespace ethreed {

void HredBatch::build(std::span<const Example> examples, std::int32_t vocabulary) {
  dialogues.build(examples, vocabulary);
  const DialogueBatch& d = dialogues;
  targets.clear();
  for (const std::int32_t target : d.targets) targets.push_back(target < vocabulary ? target : unk_id);
  contexts.clear();
  for (const std::int32_t turn : d.turn_of_row) contexts.push_back(d.post_chain[turn]);
  const Packing packing = d.decoder_packing();
  packed_rows.clear();
  for (int step = 0; step < packing.steps(); ++step)
    for (int r = 0; r < packing.alive(step); ++r) packed_rows.push_back(r);
}

HredBatch::Arrays HredBatch::arrays() const {
  Arrays arrays;
  const auto shared = dialogues.arrays();
  const auto rest = std::copy(shared.begin(), shared.end(), arrays.begin());
  const auto bytes = [](const std::vector<std::int32_t>& values) { return std::as_bytes(std::span(values)); };
  const std::array<std::span<const std::byte>, 3> own{bytes(targets), bytes(contexts), bytes(packed_rows)};
  std::copy(own.begin(), own.end(), rest);
  return arrays;
}

}  // namespace ethreed
