#pragma once
// Replies of HRED word by word, and a conversation that goes on.

#include "core/indices.h"
#include "model/hred/forward.h"
#include "model/interface/reply_session.h"

namespace ethreed {

template <class T> class HredReplies {
 public:
  /// conditioning: c [rows, D_c] of every row; logits: of the emotion before each row [rows, K], absent but in
  /// Emo-HRED.
  HredReplies(Tape<T>& tape, const HredParameters<Variable<T>>& parameters, std::vector<ReplyRow> rows,
              Variable<T> conditioning, Variable<T> logits, const ReplyOptions& options);

  int rows() const { return count_of(rows_); }
  ReplyRow row(int r) const { return rows_[r]; }
  NextWords<T> advance(Indices parents, Indices words);
  /// Never asked: a model without a pointer has no words from V on.
  std::int32_t word_id(int, std::int32_t word) const { return word; }
  std::span<const T> insight(int row, int) const { return logits_.value().row_span(row); }

 private:
  Tape<T>* tape_;
  HredParameters<Variable<T>> parameters_;
  std::vector<ReplyRow> rows_;
  Variable<T> conditioning_, logits_;
  T* states_ = nullptr;    // on the device: s of every hypothesis of the step before
  std::int64_t kept_ = 0;  // how many
  std::vector<std::int32_t> row_of_slot_, next_rows_, state_rows_, offsets_, inputs_, same_;
};

/// Keeps the context (and emotion) state after the last post.
template <class T> class HredConversation {
 public:
  /// See Conversation::read.
  HredReplies<T> read(Tape<T>& tape, const HredConfig& config, const HredParameters<Variable<T>>& parameters,
                      Indices reply, Indices post, std::int64_t place, const ReplyOptions& options);

 private:
  HredBatch batch_;  // the new post, and the reply before it in the place of its response
  std::vector<T> global_, emotion_;
  std::vector<std::int32_t> index_, steps_;
};

/// Replies to turns of a batch, by decoder row.
template <class T>
HredReplies<T> hred_replies(Tape<T>& tape, const HredConfig& config, const HredParameters<Variable<T>>& parameters,
                            const HredBatch& batch, const ReplyOptions& options);

/// Of Emo-HRED, whose classifier reads e of every utterance. Throws Error of another variant.
template <class T>
UtteranceLogits<T> hred_utterance_logits(Tape<T>& tape, const HredConfig& config,
                                         const HredParameters<Variable<T>>& parameters, const HredBatch& batch);

}  // namespace ethreed
