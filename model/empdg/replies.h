#pragma once
// Replies of EmpDG word by word.

#include "model/blocks/reply_prefixes.h"
#include "model/empdg/forward.h"
#include "model/interface/reply_pointer.h"

namespace ethreed {

template <class T> class EmpdgReplies {
 public:
  /// context: of every row.
  EmpdgReplies(Tape<T>& tape, const EmpdgConfig& config, const EmpdgParameters<Variable<T>>& parameters,
               std::vector<ReplyRow> rows, const EmpdgContext<T>& context, ReplyPointer<T> pointer);

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
  const EmpdgConfig* config_;
  EmpdgParameters<Variable<T>> parameters_;
  std::vector<ReplyRow> rows_;
  EmpdgContext<T> context_;
  ReplyPointer<T> pointer_;
  Variable<T> host_logits_;
  ReplyPrefixes prefixes_;
  std::vector<std::int32_t> inputs_;  // [tokens] as EmpdgBatch::inputs, of the hypotheses of a call
};

/// Replies to turns of a batch, by decoder row.
template <class T>
EmpdgReplies<T> empdg_replies(Tape<T>& tape, const EmpdgConfig& config, const EmpdgParameters<Variable<T>>& parameters,
                              const EmpdgBatch& batch, const ReplyOptions& options);

}  // namespace ethreed
