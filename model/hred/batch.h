#pragma once
// A batch of dialogues for HRED: that of blocks, and what a decoder without a pointer reads.

#include "model/blocks/dialogue_batch.h"

namespace ethreed {

/// Rows of the decoder: an utterance each, longest first, and where each of its tokens stands.
struct HredDecoderRows {
  Packing packing() const { return {offsets}; }
  int tokens() const { return count_of(targets); }

  std::vector<std::int32_t> offsets;      ///< of the packing
  std::vector<std::int32_t> inputs;       ///< [packed rows] place in word_ids of y_{i−1}, SOS first
  std::vector<std::int32_t> packed_rows;  ///< [packed rows] decoder row
  std::vector<std::int32_t> contexts;     ///< [rows] chain row of the utterance before
  std::vector<std::int32_t> targets;      ///< [tokens] ids below V: what the vocabulary lacks is UNK
  std::vector<std::int32_t> state_rows;   ///< [tokens] packed row of s_i
};

class HredBatch {
 public:
  /// Throws Error as DialogueBatch::build.
  /// With `posts` the rows of P_t, t ≥ 2, are laid out, too.
  void build(std::span<const Example> dialogues, std::int32_t vocabulary, bool posts = false);

  using Arrays = std::array<std::span<const std::byte>, std::tuple_size_v<DialogueBatch::Arrays> + 13>;
  Arrays arrays() const;

  DialogueBatch dialogues;
  HredDecoderRows replies;                ///< one for each turn; its tokens in the order of `dialogues`
  HredDecoderRows posts;                  ///< of P_t, t ≥ 2, where wanted
  std::vector<std::int32_t> token_turns;  ///< [target tokens] turn row

 private:
  void lay_out_posts(std::span<const Example> examples, std::int32_t vocabulary);
  /// P_t and the chain row of the reply before it.
  struct Post {
    Indices words;
    std::int32_t context = 0;
  };
  std::vector<std::int32_t> word_place_;    // [V] place in word_ids
  std::vector<std::int32_t> reply_before_;  // [dialogues] chain row, −1 for none
  std::vector<Post> rows_;
};

}  // namespace ethreed
