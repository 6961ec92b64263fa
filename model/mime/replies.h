#pragma once
// Replies of MIME word by word.

#include "model/blocks/reply_prefixes.h"
#include "model/interface/reply_session.h"
#include "model/mime/forward.h"

namespace ethreed {

template <class T> class MimeReplies {
 public:
  /// source: F of every row, those of each beginning at source_offsets [rows + 1]; logits: s [rows, K].
  MimeReplies(Tape<T>& tape, const MimeConfig& config, const MimeParameters<Variable<T>>& parameters,
              std::vector<ReplyRow> rows, Variable<T> source, std::vector<std::int32_t> source_offsets,
              Variable<T> logits);

  int rows() const { return count_of(rows_); }
  ReplyRow row(int r) const { return rows_[static_cast<std::size_t>(r)]; }
  NextWords<T> advance(Indices parents, Indices words);
  /// Never asked: a model without a pointer has no words from V on.
  std::int32_t word_id(int, std::int32_t word) const { return word; }
  std::span<const T> insight(int row, int) const { return logits_.value().row_span(row); }

 private:
  Tape<T>* tape_;
  TransformerSizes sizes_;
  MimeParameters<Variable<T>> parameters_;
  std::vector<ReplyRow> rows_;
  Variable<T> source_;
  std::vector<std::int32_t> source_offsets_;
  Variable<T> logits_;
  ReplyPrefixes prefixes_;
};

/// Replies to turns of a batch, by decoder row; the group is that of the predicted emotion, the sample the prior's.
template <class T>
MimeReplies<T> mime_replies(Tape<T>& tape, const MimeConfig& config, const MimeParameters<Variable<T>>& parameters,
                            const ContextBatch& batch, const ReplyOptions& options);

}  // namespace ethreed
