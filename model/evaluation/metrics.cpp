#include "model/evaluation/metrics.h"

namespace ethreed {

void DistinctCounter::add(Indices words) {
  ++replies_;
  for (int i = 0; i < words.size(); ++i) {
    unigrams_.insert(words[i]);
    ++unigram_count_;
    if (i == 0) continue;
    bigrams_.emplace(words[i - 1], words[i]);
    ++bigram_count_;
  }
}

}  // namespace ethreed
