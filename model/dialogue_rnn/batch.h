#pragma once
// A batch of dialogues for DialogueRNN: that of blocks, and what its steps from utterance to utterance read.

#include "model/blocks/dialogue_batch.h"

namespace ethreed {

class DialogueRnnBatch {
 public:
  /// Throws Error as DialogueBatch::build.
  void build(std::span<const Example> examples, std::int32_t vocabulary);

  int steps() const { return dialogues.chain_packing().steps(); }
  /// The utterances of step k as sequences of one step.
  Packing step(int k) const { return {Indices(step_offsets).subspan(2 * k, 2)}; }
  /// 0 … n − 1, n ≤ 2N.
  Indices first(int n) const { return Indices(numbers).first(n); }
  /// Chain rows of the utterances before step k ≥ 1, dialogue after dialogue of those that have it; and where those of
  /// each begin [dialogues of the step + 1].
  Indices history(int k) const;
  Indices history_offsets(int k) const;

  using Arrays = std::array<std::span<const std::byte>, std::tuple_size_v<DialogueBatch::Arrays> + 10>;
  Arrays arrays() const;

  DialogueBatch dialogues;
  std::vector<std::int32_t> step_offsets;      ///< [2·steps] 0 and the dialogues that have step k
  std::vector<std::int32_t> numbers;           ///< [2N]
  std::vector<std::int32_t> reversed;          ///< [2N] chain row of the utterance as far from its dialogue's other end
  std::vector<std::int32_t> both_reversed;     ///< [2N] of the rows of DialogueBatch::both_chain
  std::vector<std::int32_t> dialogue_offsets;  ///< [B + 1] where the utterances of each begin, dialogue after dialogue
  std::vector<std::int32_t> in_dialogues;      ///< [2N] chain rows, dialogue after dialogue
  std::vector<std::int32_t> in_reverse;        ///< [2N] the rows that these are of the reversed chain
  std::vector<std::int32_t> both_in_dialogues;  ///< [2N] place among these of the rows of DialogueBatch::both_chain

 private:
  std::vector<std::int32_t> history_, history_offsets_;               // of all steps, one after the other
  std::vector<std::int32_t> history_begins_, history_offset_begins_;  // [steps + 1] where those of a step begin
  std::vector<std::int32_t> place_;                                   // [2N] of in_dialogues, by chain row
};

}  // namespace ethreed
