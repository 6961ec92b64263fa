#pragma once
// A batch of dialogues for EmpHi: that of blocks, and every post with all that was said before it as one sequence.

#include "model/blocks/dialogue_batch.h"
#include "model/emphi/config.h"

namespace ethreed {

/// What stands between two utterances that are read. Nothing here is padded, so that no other id is needed.
inline constexpr std::int32_t emphi_separator = pad_id;

/// Orders used below, with those of DialogueBatch:
///   context row: time-major over the tokens of X of all turns, longest first
class EmphiBatch {
 public:
  /// `before`, of one example alone: what was said before its first turn, utterance by utterance without EOS, each with
  /// a separator behind it. Throws Error as DialogueBatch::build.
  void build(const EmphiConfig& config, std::span<const Example> examples, Indices before = {});

  Packing context_packing() const { return {context_offsets}; }
  /// A step of the decoder as sequences of one step.
  Packing step(int i) const { return {Indices(step_offsets).subspan(2 * i, 2)}; }
  /// 0 … n − 1, n up to N + 1 and to the packed decoder rows.
  Indices first(int n) const { return Indices(numbers).first(n); }
  /// The keywords of each decoder row are its source.
  RowLayout rows() const { return {keyword_offsets, dialogues.target_offsets, keyword_weights}; }

  using Arrays = std::array<std::span<const std::byte>, std::tuple_size_v<DialogueBatch::Arrays> + 14>;
  Arrays arrays() const;

  DialogueBatch dialogues;
  std::vector<std::int32_t> word_ids;               ///< every vocabulary id that is read, once
  std::vector<std::int32_t> context_offsets;        ///< of the packing of context rows
  std::vector<std::int32_t> context_inputs;         ///< [context rows] place in word_ids
  std::vector<std::int32_t> last_rows, first_rows;  ///< [N] by turn row: context rows of the last and the first token
  std::vector<std::int32_t> key_offsets;            ///< [N + 1] by decoder row: where its tokens of X begin
  std::vector<std::int32_t> key_rows;               ///< [Σ J] context row of each of these
  std::vector<std::int32_t> inputs;                 ///< [packed decoder rows] place in word_ids of y_{i−1}
  std::vector<std::int32_t> targets;                ///< [target tokens] ids below V: what the vocabulary lacks is UNK
  std::vector<std::int32_t> step_offsets;           ///< [2·steps] 0 and the decoder rows that have step i
  std::vector<std::int32_t> numbers;                ///< 0, 1, …
  std::vector<std::int32_t> keyword_offsets;        ///< [N + 1]
  std::vector<std::int64_t> keyword_weights;        ///< [N + 1]
  std::vector<std::int32_t> intent;                 ///< z* [N] by turn row, −1 for none
  /// q [N · 9] by turn row, zeros for a reply without an intent; empty: that of its intent is 1.
  std::vector<float> intent_distribution;
  int intents = 0;  ///< how many turns have one

 private:
  struct Said {
    int begin = 0, end = 0;  // of said_
    int length() const { return end - begin; }
  };
  std::int32_t place_of(std::int32_t word);
  void collect(const EmphiConfig& config, std::span<const Example> examples, Indices before);
  void pack_contexts();
  void lay_out_decoder(const EmphiConfig& config);

  std::int32_t vocabulary_ = 0;
  std::vector<std::int32_t> said_;          // of all dialogues: U_1 sep U_2 sep …
  std::vector<Said> contexts_;              // [N] X of each turn row
  std::vector<std::int32_t> turn_rows_;     // [N] dialogue by dialogue
  std::vector<std::int32_t> first_turn_;    // [B] place of a dialogue's first turn in these
  std::vector<std::int32_t> order_, rank_;  // [N] turn row of each context, and its inverse
  std::vector<std::int32_t> word_place_;    // [V] place in word_ids, −1 for none
};

}  // namespace ethreed
