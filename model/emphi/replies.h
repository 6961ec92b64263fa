#pragma once
// Replies of EmpHi word by word, each by one intent, and a conversation that goes on.

#include "core/indices.h"
#include "model/emphi/forward.h"
#include "model/interface/reply_session.h"

#include <array>
#include <vector>

namespace ethreed {

template <class T> class EmphiReplies {
 public:
  /// To the turns of a batch that options want, by decoder row: by an intent drawn from p_z, each row its own, or by
  /// the likeliest one.
  EmphiReplies(Tape<T>& tape, const EmphiConfig& config, const EmphiParameters<Variable<T>>& parameters,
               const EmphiBatch& batch, const ReplyOptions& options);

  int rows() const { return count_of(rows_); }
  ReplyRow row(int r) const { return rows_[r]; }
  NextWords<T> advance(Indices parents, Indices words);
  /// Never asked: a keyword is a word of the vocabulary.
  std::int32_t word_id(int, std::int32_t word) const { return word; }
  /// 0: the speaker's emotion; 1: the intent that the reply is written by, which is certain; 2: p_z.
  std::span<const T> insight(int row, int i) const;

 private:
  void choose_rows(const DialogueBatch& batch, Answer answer);
  void lay_out(Indices parents, Indices words);

  Tape<T>* tape_;
  EmphiConfig config_;
  EmphiParameters<Variable<T>> parameters_;
  std::vector<ReplyRow> rows_;
  std::vector<std::int32_t> decoder_rows_, turn_rows_;  // of the batch, by row
  std::vector<T> chosen_;                               // [rows, 9] logits of the intents that were chosen
  Variable<T> emotion_logits_, intent_logits_;          // on the host, by turn row
  EmphiMemory<T> memory_;                               // by decoder row of the batch
  std::vector<std::int32_t> key_offsets_, keywords_;    // what it reads of the batch
  std::array<T*, 2> states_{};                          // on the device: of every hypothesis of the step before
  std::int64_t kept_ = 0;                               // how many
  // of the step in hand
  std::vector<std::int32_t> row_of_slot_, next_rows_, state_rows_, inputs_, memory_rows_, key_rows_, step_key_offsets_,
      step_keywords_, step_offsets_, numbers_, source_offsets_;
  std::vector<std::int64_t> weight_offsets_;
};

/// Keeps what was said: both directions of the encoder read it again at every turn, the last context_tokens of it.
template <class T> class EmphiConversation {
 public:
  /// See Conversation::read.
  EmphiReplies<T> read(Tape<T>& tape, const EmphiConfig& config, const EmphiParameters<Variable<T>>& parameters,
                       Indices reply, Indices post, std::int64_t place, const ReplyOptions& options);

 private:
  EmphiBatch batch_;                   // the new post
  std::vector<std::int32_t> history_;  // every utterance before it with a separator behind
  bool begun_ = false;
};

}  // namespace ethreed
