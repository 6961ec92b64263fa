#pragma once
// The words of every hypothesis of a search, for a decoder that computes its states anew at every word. That costs a
// decoder of one layer less than the product with the vocabulary, and there is no cache to be reordered.

#include "core/indices.h"

#include <cstdint>
#include <vector>

namespace ethreed {

class ReplyPrefixes {
 public:
  /// Before the first word of each of `rows` replies.
  explicit ReplyPrefixes(int rows);

  /// As ReplySession::advance: hypothesis k is hypothesis parents[k] of before, and words[k]. A decoder reads UNK for a
  /// word from `vocabulary` on, which was copied.
  void extend(Indices parents, Indices words, std::int32_t vocabulary);
  /// Gives every hypothesis the source of its row: those begin at offsets [rows + 1].
  void choose_sources(Indices offsets);

  // Of the last call, valid until the next.
  Indices words() const { return words_; }                    ///< [tokens] hypothesis after hypothesis, SOS first
  Indices offsets() const { return offsets_; }                ///< [hypotheses + 1] where each begins
  Indices last() const { return last_; }                      ///< [hypotheses] its last token
  Indices rows() const { return rows_; }                      ///< [hypotheses] its row
  Indices source_rows() const { return source_rows_; }        ///< [source tokens] hypothesis after hypothesis
  Indices source_offsets() const { return source_offsets_; }  ///< [hypotheses + 1]

 private:
  std::vector<std::int32_t> words_, offsets_, last_, rows_, source_rows_, source_offsets_;
  std::vector<std::int32_t> next_words_, next_offsets_, next_rows_;
};

}  // namespace ethreed
