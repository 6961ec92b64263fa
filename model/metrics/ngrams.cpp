#include "model/metrics/ngrams.h"

#include "core/error.h"

#include <algorithm>

namespace ethreed {

std::vector<Ngram> sorted_ngrams(Indices text, int n) {
  ETHREED_CHECK(n >= 1 && n <= longest_ngram, "sorted_ngrams: n is {}, wanted 1 to {}", n, longest_ngram);
  std::vector<Ngram> all;
  for (int begin = 0; begin + n <= text.size(); ++begin) {
    Ngram& ngram = all.emplace_back();
    ngram.fill(-1);
    for (int k = 0; k < n; ++k) ngram[static_cast<std::size_t>(k)] = text[begin + k];
  }
  std::sort(all.begin(), all.end());
  return all;
}

std::int64_t matches_of(const std::vector<Ngram>& a, const std::vector<Ngram>& b) {
  std::int64_t matches = 0;
  for (auto i = a.begin(), j = b.begin(); i != a.end() && j != b.end();) {
    if (*i < *j) {
      ++i;
    } else if (*j < *i) {
      ++j;
    } else {
      ++matches, ++i, ++j;
    }
  }
  return matches;
}

std::int64_t different_of(const std::vector<Ngram>& sorted) {
  std::int64_t different = 0;
  for (std::size_t i = 0; i < sorted.size(); ++i) different += i == 0 || sorted[i] != sorted[i - 1];
  return different;
}

}  // namespace ethreed
