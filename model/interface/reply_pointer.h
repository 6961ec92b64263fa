#pragma once
// The pointer of a model whose replies copy words of a source that stays the same from word to word: what may be copied
// for every row of a session, the next words, and where it looked. There is no coverage.

#include "core/context.h"
#include "model/interface/reply_session.h"

#include <vector>

namespace ethreed {

/// The sources of some rows, one behind the other.
struct PointerSources {
  std::vector<std::int32_t> offsets{0};  ///< [rows + 1] where each begins
  /// [places] word ids; V + k for the k-th word of the row that the vocabulary lacks, −1 − m for mark m of the model's
  /// source_marks()
  std::vector<std::int32_t> words;
  std::vector<std::int32_t> given;  ///< [places] the same as the batch was given them

  int rows() const { return count_of(offsets) - 1; }
  void add(std::int32_t word, std::int32_t of_batch) {
    words.push_back(word);
    given.push_back(of_batch);
  }
  void end_row() { offsets.push_back(count_of(words)); }
};

template <class T> class ReplyPointer {
 public:
  /// Of a model that does not copy: no row has a source.
  ReplyPointer() = default;
  /// `looks`: shall look() tell anything.
  ReplyPointer(PointerSources sources, int vocabulary, bool looks)
      : sources_(std::move(sources)), vocabulary_(vocabulary), looks_(looks) {}

  /// See ReplySession.
  std::span<const std::int32_t> source(int row) const;
  std::int32_t word_id(int row, std::int32_t word) const;
  PointerLook<T> look(int k) const;

  /// What follows hypotheses of these rows. logits [hypotheses, V] and gate_logit [hypotheses] (log of the vocabulary's
  /// share against the pointer's) are on the device, as is what the source's places have, [places] of hypothesis after
  /// hypothesis: `width` places each, those behind its source with nothing, or with width 0 as many as its source has.
  /// What no word has, the share of the marks, is given to the pad, which no search says: probabilities sum to 1.
  NextWords<T> next_words(Context& context, Indices rows, const T* logits, const T* gate_logit, const T* weights,
                          int width = 0);

 private:
  int places(int row) const { return sources_.offsets[row + 1] - sources_.offsets[row]; }

  PointerSources sources_;
  int vocabulary_ = 0;
  bool looks_ = false;
  // of the last step, if it looks
  std::vector<std::int32_t> look_offsets_;
  std::vector<T> attention_, gates_;
};

}  // namespace ethreed
