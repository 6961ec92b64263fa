#include "model/dialogue_rnn/batch.h"

#include <algorithm>
#include <numeric>

namespace ethreed {

void DialogueRnnBatch::build(std::span<const Example> examples, std::int32_t vocabulary) {
  dialogues.build(examples, vocabulary);
  const Packing chain = dialogues.chain_packing();
  for (std::vector<std::int32_t>* list :
       {&step_offsets, &history_, &both_reversed, &in_dialogues, &in_reverse, &both_in_dialogues})
    list->clear();
  numbers.resize(chain.rows());
  std::iota(numbers.begin(), numbers.end(), 0);

  // Of every step: its dialogues, and what each has heard before it.
  history_offsets_.clear();
  history_begins_.clear();
  history_offset_begins_.clear();
  for (int k = 0; k < chain.steps(); ++k) {
    step_offsets.insert(step_offsets.end(), {0, chain.alive(k)});
    history_begins_.push_back(count_of(history_));
    history_offset_begins_.push_back(count_of(history_offsets_));
    for (int r = 0; r < chain.alive(k); ++r) {
      history_offsets_.push_back(r * k);
      for (int j = 0; j < k; ++j) history_.push_back(chain.row(j, r));
    }
    history_offsets_.push_back(chain.alive(k) * k);
  }
  history_begins_.push_back(count_of(history_));
  history_offset_begins_.push_back(count_of(history_offsets_));

  // Of every dialogue: its utterances, and the same from its end.
  reversed.resize(chain.rows());
  place_.resize(chain.rows());
  dialogue_offsets.assign(1, 0);
  int length = chain.steps();
  for (int r = 0; r < chain.sequences(); ++r) {
    while (chain.alive(length - 1) <= r) --length;
    for (int k = 0; k < length; ++k) {
      const std::int32_t row = chain.row(k, r);
      reversed[row] = chain.row(length - 1 - k, r);
      place_[row] = count_of(in_dialogues);
      in_dialogues.push_back(row);
      in_reverse.push_back(reversed[row]);
    }
    dialogue_offsets.push_back(count_of(in_dialogues));
  }
  for (const std::int32_t row : dialogues.both_chain) {
    both_reversed.push_back(reversed[row]);
    both_in_dialogues.push_back(place_[row]);
  }
}

Indices DialogueRnnBatch::history(int k) const {
  return Indices(history_).subspan(history_begins_[k], history_begins_[k + 1] - history_begins_[k]);
}

Indices DialogueRnnBatch::history_offsets(int k) const {
  const int begin = history_offset_begins_[k];
  return Indices(history_offsets_).subspan(begin, history_offset_begins_[k + 1] - begin);
}

DialogueRnnBatch::Arrays DialogueRnnBatch::arrays() const {
  Arrays arrays;
  const auto shared = dialogues.arrays();
  auto next = std::copy(shared.begin(), shared.end(), arrays.begin());
  for (const std::vector<std::int32_t>* list :
       {&step_offsets, &numbers, &history_, &history_offsets_, &reversed, &both_reversed, &dialogue_offsets,
        &in_dialogues, &in_reverse, &both_in_dialogues})
    *next++ = std::as_bytes(std::span(*list));
  return arrays;
}

}  // namespace ethreed
