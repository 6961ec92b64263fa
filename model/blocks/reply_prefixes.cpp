#include "model/blocks/reply_prefixes.h"

#include "model/text/vocabulary.h"

#include <numeric>

namespace ethreed {

ReplyPrefixes::ReplyPrefixes(int rows)
    : offsets_(static_cast<std::size_t>(rows) + 1, 0), rows_(static_cast<std::size_t>(rows)) {
  std::iota(rows_.begin(), rows_.end(), 0);
}

void ReplyPrefixes::extend(Indices parents, Indices words, std::int32_t vocabulary) {
  next_words_.clear();
  next_rows_.clear();
  next_offsets_.assign(1, 0);
  last_.clear();
  for (int k = 0; k < parents.size(); ++k) {
    const std::int32_t parent = parents[k];
    const Indices before = Indices(words_).subspan(offsets_[parent], offsets_[parent + 1] - offsets_[parent]);
    next_words_.insert(next_words_.end(), before.begin(), before.end());
    next_words_.push_back(words[k] < vocabulary ? words[k] : unk_id);
    next_rows_.push_back(rows_[parent]);
    last_.push_back(count_of(next_words_) - 1);
    next_offsets_.push_back(count_of(next_words_));
  }
  words_.swap(next_words_);
  rows_.swap(next_rows_);
  offsets_.swap(next_offsets_);
}

void ReplyPrefixes::choose_sources(Indices offsets) {
  source_rows_.clear();
  source_offsets_.assign(1, 0);
  for (const std::int32_t row : rows_) {
    for (std::int32_t j = offsets[row]; j < offsets[row + 1]; ++j) source_rows_.push_back(j);
    source_offsets_.push_back(count_of(source_rows_));
  }
}

}  // namespace ethreed
