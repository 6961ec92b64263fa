#pragma once
// Replies of KEMP word by word.

#include "model/blocks/reply_prefixes.h"
#include "model/interface/reply_pointer.h"
#include "model/kemp/forward.h"

namespace ethreed {

template <class T> class KempReplies {
 public:
  /// `read` is what is known of every row.
  KempReplies(Tape<T>& tape, const KempConfig& config, const KempParameters<Variable<T>>& parameters,
              std::vector<ReplyRow> rows, const KempContext<T>& read, ReplyPointer<T> pointer);

  int rows() const { return count_of(rows_); }
  ReplyRow row(int r) const { return rows_[static_cast<std::size_t>(r)]; }
  NextWords<T> advance(Indices parents, Indices words);
  std::int32_t word_id(int row, std::int32_t word) const { return pointer_.word_id(row, word); }
  std::span<const std::int32_t> source(int row) const { return pointer_.source(row); }
  PointerLook<T> look(int k) const { return pointer_.look(k); }
  std::span<const T> insight(int row, int) const { return host_logits_.value().row_span(row); }

 private:
  NextWords<T> mixture(Variable<T> logits, Variable<T> states, Variable<T> attention);

  Tape<T>* tape_;
  const KempConfig* config_;
  KempParameters<Variable<T>> parameters_;
  std::vector<ReplyRow> rows_;
  KempContext<T> read_;
  ReplyPointer<T> pointer_;
  Variable<T> host_logits_;
  ReplyPrefixes prefixes_;
};

/// Replies to turns of a batch, by decoder row.
template <class T>
KempReplies<T> kemp_replies(Tape<T>& tape, const KempConfig& config, const KempParameters<Variable<T>>& parameters,
                            const ContextBatch& batch, const ReplyOptions& options);

}  // namespace ethreed
