#pragma once
// A batch of replies and what was said before each: the input of the comparison systems (MoEL, MIME, EmpDG, KEMP). A
// context is a mark CLS and then the words of all utterances before the reply, without anything between them; every
// position has a state beside its word, which tells whose it is. Rows are ragged: there are no pads.

#include "model/blocks/dialogue_batch.h"

namespace ethreed {

/// The marks that the vocabulary lacks: rows of a table of their own below that of words (MarkedTable).
enum Mark : std::int32_t {
  mark_cls,     ///< the first position of every context, as word and as state
  mark_user,    ///< state of a word of a post
  mark_system,  ///< state of a word of a reply
  mark_count
};

/// Some contexts, one behind the other.
struct ContextRows {
  int rows() const { return count_of(offsets) - 1; }
  int positions() const { return count_of(words); }
  /// The position of CLS of every row.
  Indices firsts() const { return Indices(offsets).first(rows()); }
  /// Empties them; vectors keep their memory.
  void clear();
  /// Appends row `row` of others.
  void append(const ContextRows& others, int row);

  std::vector<std::int32_t> offsets{0};  ///< [rows + 1] where each begins
  std::vector<std::int32_t> words;       ///< [positions] place in word_ids, or behind those: their number + mark
  std::vector<std::int32_t> states;      ///< [positions] a mark
  std::vector<std::int32_t> row;         ///< [positions] whose each is
  std::vector<std::int32_t> given;       ///< [positions] word ids as the batch was given them, −1 for CLS
  /// [positions] the same for a pointer: ids of the vocabulary, V + k for the k-th word that it lacks of those of the
  /// row, −1 for CLS.
  std::vector<std::int32_t> extended;
};

/// Replies stand in the order of DialogueBatch's decoder rows, and so do contexts and tokens.
class ContextBatch {
 public:
  /// `most` is the greatest length of a context, CLS included: a longer one loses its first words. Throws Error as
  /// DialogueBatch::build.
  void build(std::span<const Example> dialogues, std::int32_t vocabulary, int most);

  int replies() const { return contexts.rows(); }

  using Arrays = std::array<std::span<const std::byte>, std::tuple_size_v<DialogueBatch::Arrays> + 6>;
  Arrays arrays() const;

  DialogueBatch dialogues;
  ContextRows contexts;               ///< of every reply
  std::vector<std::int32_t> inputs;   ///< [target tokens] place in word_ids of y_{i−1}, SOS first
  std::vector<std::int32_t> targets;  ///< [target tokens] ids below V: what the vocabulary lacks is UNK
  /// [target tokens] for a model that copies: a word that the vocabulary lacks has the id that it has in its row's
  /// context (ContextRows::extended), and is UNK where it is not there.
  std::vector<std::int32_t> extended_targets;

 private:
  void add_context(std::span<const Example> dialogues, std::int32_t turn_row, std::int32_t vocabulary, int most);
  void add_targets(std::span<const Example> dialogues, int row, std::int32_t vocabulary);
  std::int32_t extended(std::int32_t word, std::int32_t vocabulary) const;
  std::vector<std::int32_t> turn_before_;  // [turn rows] of the same dialogue, −1 for none
  std::vector<std::int32_t> last_turn_;    // [dialogues]
  std::vector<std::int32_t> unknown_;      // what the vocabulary lacks of the context in hand, by first appearance
};

}  // namespace ethreed
