#pragma once
// Replies of MoEL word by word.

#include "model/blocks/reply_prefixes.h"
#include "model/interface/reply_session.h"
#include "model/moel/forward.h"

namespace ethreed {

/// A reply has the listeners of its predicted emotions; its context chooses them once, before the first word.
template <class T> class MoelReplies {
 public:
  /// context: of every row, whose states begin at source_offsets [rows + 1].
  MoelReplies(Tape<T>& tape, const MoelConfig& config, const MoelParameters<Variable<T>>& parameters,
              std::vector<ReplyRow> rows, const MoelContext<T>& context, std::vector<std::int32_t> source_offsets);

  int rows() const { return count_of(rows_); }
  ReplyRow row(int r) const { return rows_[static_cast<std::size_t>(r)]; }
  NextWords<T> advance(Indices parents, Indices words);
  /// Never asked: a model without a pointer has no words from V on.
  std::int32_t word_id(int, std::int32_t word) const { return word; }
  std::span<const T> insight(int row, int) const { return host_logits_.value().row_span(row); }

 private:
  Tape<T>* tape_;
  const MoelConfig* config_;
  MoelParameters<Variable<T>> parameters_;
  std::vector<ReplyRow> rows_;
  MoelContext<T> context_;
  std::vector<std::int32_t> source_offsets_;
  ListenerChoice choice_;
  Variable<T> host_logits_;
  ReplyPrefixes prefixes_;
};

/// Replies to turns of a batch, by decoder row.
template <class T>
MoelReplies<T> moel_replies(Tape<T>& tape, const MoelConfig& config, const MoelParameters<Variable<T>>& parameters,
                            const ContextBatch& batch, const ReplyOptions& options);

}  // namespace ethreed
