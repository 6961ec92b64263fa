#include "model/evaluation/metrics.h"

namespace ethreed {

void DistinctCounter::add(std::span<const std::int32_t> words) {
  ++replies_;
  for (std::size_t i = 0; i < words.size(); ++i) {
    unigrams_.insert(words[i]);
    ++unigram_count_;
    if (i == 0) continue;
    bigrams_.emplace(words[i - 1], words[i]);
    ++bigram_count_;
  }
}

}  // namespace ethreed
