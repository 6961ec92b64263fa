#pragma once
// A batch of dialogues, laid out for the model: no pads, every sequence packed, every index made once.

#include "core/indices.h"
#include "core/philox.h"
#include "kernels/common/packing.h"
#include "kernels/common/row_layout.h"
#include "model/blocks/example.h"
#include "model/text/vocabulary.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace ethreed {

/// Words of the vocabulary that a batch of training takes for unknown, so that the pointer learns from more than the
/// few words that are: of each dialogue a `share` of the different words with an id of at least `from`. An encoder
/// reads UNK for a masked word; in the post it has an extended id, and so it has as a target of that post's reply. A
/// masked word that the post lacks stays the target that it is. An extension of the paper's recipe.
struct WordMask {
  double share = 0;
  std::int32_t from = 0;
  PhiloxStream random{0, 0};
};

/// Orders used below (all without pads):
///   dialogues are sorted by T, longest first (ties as given); `dialogue_order` tells which input each one was;
///   turn row   (t, dialogue): time-major over turns; N of them
///   chain row  P_1, R_1, P_2, R_2, …: time-major over 2T steps; 2N of them
///   pair row   time-major over turns, P and R of a dialogue side by side (the two chains of GRU_e); 2N of them
///   encoder row: time-major over the tokens of all 2N utterances, and of S situations, longest first
///   situation  of each dialogue, in the order of `dialogue_order`; where arrays are by chain row, after the last one
///   decoder row: one per turn, sorted by target length, longest first; N of them
///   target and source tokens: decoder row after decoder row
class DialogueBatch {
 public:
  /// Refills the batch; vectors keep their memory. `vocabulary` is V.
  /// Throws Error if an example is no dialogue, an utterance is empty, an id is negative, or some examples bring a
  /// situation and others none.
  void build(std::span<const Example> dialogues, std::int32_t vocabulary, const WordMask& mask = {});

  int dialogues() const { return count_of(dialogue_order); }
  int turns() const { return count_of(emotion); }                ///< N
  int situations() const { return count_of(situation_label); }   ///< S: 0, or B if the examples brought theirs
  int utterances() const { return 2 * turns() + situations(); }  ///< that the encoder reads
  int target_tokens() const { return count_of(targets); }
  int source_tokens() const { return count_of(source_ids); }
  int encoder_tokens() const { return count_of(encoder_inputs); }

  Packing turn_packing() const { return {turn_offsets}; }
  Packing chain_packing() const { return {chain_offsets}; }
  Packing pair_packing() const { return {pair_offsets}; }
  Packing encoder_packing() const { return {encoder_offsets}; }
  Packing decoder_packing() const { return {decoder_offsets}; }
  RowLayout rows() const { return {source_offsets, target_offsets, weight_offsets}; }

  /// Place of the turn of this turn row in its split.
  std::int64_t place(int turn_row) const { return places[turn_dialogue[turn_row]] + turn_time[turn_row]; }

  /// Every array that kernels read, to be staged together.
  using Arrays = std::array<std::span<const std::byte>, 30>;
  Arrays arrays() const;

  std::vector<std::int32_t> dialogue_order;  ///< [B] input index of each dialogue
  std::vector<std::int64_t> places;          ///< [B] place of the first turn of each input dialogue (Example::place)
  std::vector<std::int32_t> turn_offsets, chain_offsets, pair_offsets, encoder_offsets, decoder_offsets;

  // turn rows
  std::vector<std::int32_t> turn_dialogue, turn_time;  ///< [N] input dialogue and t of each turn row
  std::vector<std::int32_t> emotion, listener_label;   ///< [N] y^P and y^R, −1 for none
  /// [N] the probabilities of the emotions in R, or empty; borrowed from what the examples borrow.
  std::vector<std::span<const float>> listener_distribution;
  std::vector<std::int32_t> post_chain, response_chain;  ///< [N] chain row of P and R
  std::vector<std::int32_t> post_pair, response_pair;    ///< [N] pair row of P and R
  std::vector<std::int32_t> row_of_turn;                 ///< [N] decoder row of each turn row
  // situations
  std::vector<std::int32_t> situation_label;  ///< [S] the emotion, −1 for none
  // pair rows
  std::vector<std::int32_t> chain_of_pair;  ///< [2N]
  // rows of P, then rows of R
  std::vector<std::int32_t> both_chain, both_pair;  ///< [2N] chain and pair row of P by turn row, then those of R
  // words
  std::vector<std::int32_t> word_ids;  ///< every vocabulary id that is read (UNK for the rest), once: the decoder's
                                       ///< first, then what only the encoder reads, both by first appearance
  int decoder_word_count = 0;          ///< how many of them the decoder reads
  // encoder
  std::vector<std::int32_t> encoder_inputs;               ///< [encoder rows] place in word_ids
  std::vector<std::int32_t> summary_last, summary_first;  ///< [2N + S], by chain row: encoder rows of h_len, h_1
  std::vector<std::int32_t> token_offsets;                ///< [2N + S + 1], by chain row: where its tokens' rows begin
  std::vector<std::int32_t> token_rows;                   ///< [encoder rows] encoder row of each token of these
  // decoder rows and their tokens
  std::vector<std::int32_t> turn_of_row;                     ///< [N] turn row of each decoder row
  std::vector<std::int32_t> source_offsets, target_offsets;  ///< [N + 1]
  std::vector<std::int64_t> weight_offsets;                  ///< [N + 1]
  std::vector<std::int32_t> source_rows;                     ///< [source tokens] encoder row
  std::vector<std::int32_t> source_ids;                      ///< [source tokens] extended ids
  std::vector<std::int32_t> source_words;                    ///< [source tokens] word ids as given
  std::vector<std::int32_t> targets;                         ///< [target tokens] extended ids
  std::vector<std::int32_t> copied_targets;                  ///< target tokens with an extended id: only copies
  std::vector<std::int32_t> decoder_inputs;  ///< [packed decoder rows] place in word_ids of y_{i−1}, SOS first
  std::vector<std::int32_t> decoder_rows;    ///< [packed decoder rows] the decoder row of each
  std::vector<std::int32_t> state_rows;      ///< [target tokens] packed decoder row of s_i
  std::vector<std::int32_t> previous_rows;   ///< [target tokens] s_{i−1}: row in [s_0 of every decoder row ; s]
  int listener_labels = 0;                   ///< how many turns have y^R
  int emotion_labels = 0;                    ///< how many turns have y^P
  int situation_labels = 0;                  ///< how many situations have an emotion
  int max_extra = 0;                         ///< the most out-of-vocabulary words of one post

 private:
  void sort_dialogues(std::span<const Example> dialogues);
  void lay_out_turns(std::span<const Example> dialogues);
  void lay_out_encoder(std::span<const Example> dialogues, std::int32_t vocabulary);
  void lay_out_decoder(std::span<const Example> dialogues, std::int32_t vocabulary);
  void collect_words(std::int32_t vocabulary);
  bool masked(std::int64_t place, std::int32_t word) const;
  std::int32_t input_dialogue(int chain_row) const;
  Indices utterance(std::span<const Example> dialogues, int chain_row) const;

  WordMask mask_;  // of the batch in hand
  std::int32_t vocabulary_ = 0;
  std::vector<std::int32_t> chain_turn_;       // [2N] turn row · 2 + role of each chain row
  std::vector<std::int32_t> utterance_order_;  // [2N + S] chain row of each encoder sequence
  std::vector<std::int32_t> utterance_rank_;   // [2N + S] its inverse
  std::vector<std::int32_t> extra_;       // out-of-vocabulary words of the post in hand, in order of first appearance
  std::vector<std::int32_t> word_place_;  // [V] place in word_ids of the batch in hand, −1 for none
};

}  // namespace ethreed
