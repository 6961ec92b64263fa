#pragma once
// Figures of written replies.

#include "core/indices.h"

#include <cstdint>
#include <set>
#include <utility>

namespace ethreed {

/// Distinct-n × 100: distinct over total n-grams of all replies (n-grams do not cross replies).
class DistinctCounter {
 public:
  void add(Indices words);
  double distinct_1() const { return share(unigrams_.size(), unigram_count_); }
  double distinct_2() const { return share(bigrams_.size(), bigram_count_); }
  std::int64_t replies() const { return replies_; }

 private:
  static double share(std::size_t distinct, std::int64_t total) {
    return total == 0 ? 0.0 : 100.0 * static_cast<double>(distinct) / static_cast<double>(total);
  }
  std::set<std::int32_t> unigrams_;
  std::set<std::pair<std::int32_t, std::int32_t>> bigrams_;
  std::int64_t unigram_count_ = 0, bigram_count_ = 0, replies_ = 0;
};

}  // namespace ethreed
