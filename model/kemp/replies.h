#pragma once
// Replies of KEMP word by word.

#include "model/blocks/reply_prefixes.h"
#include "model/interface/answered_contexts.h"
#include "model/kemp/forward.h"

namespace ethreed {

template <class T> class KempReplies {
 public:
  /// `read` is what is known of every row.
  KempReplies(Tape<T>& tape, const KempConfig& config, const KempParameters<Variable<T>>& parameters,
              const ContextBatch& batch, AnsweredContexts answered, const KempContext<T>& read);

  int rows() const { return count_of(rows_); }
  ReplyRow row(int r) const { return rows_[static_cast<std::size_t>(r)]; }
  NextWords<T> advance(Indices parents, Indices words);
  /// Never asked: what is copied is a word of the vocabulary.
  std::int32_t word_id(int, std::int32_t word) const { return word; }
  std::span<const T> insight(int row, int) const { return host_logits_.value().row_span(row); }

 private:
  NextWords<T> mixture(Variable<T> logits, Variable<T> states, Variable<T> attention);

  Tape<T>* tape_;
  const KempConfig* config_;
  KempParameters<Variable<T>> parameters_;
  std::vector<ReplyRow> rows_;
  KempContext<T> read_;
  Variable<T> host_logits_;
  std::vector<std::int32_t> ids_;  // [rows, widest] the words of every row's columns
  ReplyPrefixes prefixes_;
};

/// Replies to turns of a batch, by decoder row.
template <class T>
KempReplies<T> kemp_replies(Tape<T>& tape, const KempConfig& config, const KempParameters<Variable<T>>& parameters,
                            const ContextBatch& batch, const ReplyOptions& options);

}  // namespace ethreed
