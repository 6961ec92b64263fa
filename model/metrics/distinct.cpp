#include "model/metrics/distinct.h"

#include "core/error.h"
#include "model/metrics/ngrams.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

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

namespace {

double ratio(std::int64_t part, std::int64_t whole) {
  return whole == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

NgramVariety::NgramVariety(std::span<const std::vector<std::int32_t>> replies, int n,
                           std::span<const std::int32_t> group_of, int groups)
    : of_group_(static_cast<std::size_t>(groups)), total_of_group_(static_cast<std::size_t>(groups), 0) {
  ETHREED_CHECK(replies.size() == group_of.size(), "NgramVariety: {} replies and {} groups of them, wanted as many",
                replies.size(), group_of.size());
  std::map<Ngram, std::int32_t> numbers;
  for (std::size_t i = 0; i < replies.size(); ++i) {
    ETHREED_CHECK(group_of[i] >= 0 && group_of[i] < groups, "NgramVariety: group {} of reply {}, wanted 0 to {}",
                  group_of[i], i, groups - 1);
    const auto group = static_cast<std::size_t>(group_of[i]);
    const std::vector<Ngram> ngrams = sorted_ngrams(replies[i], n);
    words_ += std::ssize(replies[i]);
    total_ += std::ssize(ngrams);
    total_of_group_[group] += std::ssize(ngrams);
    if (!ngrams.empty()) {
      ++replies_;
      within_ += ratio(different_of(ngrams), std::ssize(ngrams));
    }
    for (const Ngram& ngram : ngrams) {
      const auto [place, added] = numbers.try_emplace(ngram, static_cast<std::int32_t>(counts_.size()));
      if (added) counts_.push_back(0);
      ++counts_[static_cast<std::size_t>(place->second)];
      of_group_[group].push_back(place->second);
    }
  }
  for (std::vector<std::int32_t>& of : of_group_) {
    std::sort(of.begin(), of.end());
    of.erase(std::unique(of.begin(), of.end()), of.end());
  }
}

double NgramVariety::distinct_n() const { return ratio(distinct(), total_); }

double NgramVariety::distinct_n_words() const { return ratio(distinct(), words_); }

double NgramVariety::expectation_adjusted(double possible) const {
  ETHREED_CHECK(possible >= 1, "NgramVariety: {} possible n-grams, wanted 1 at least", possible);
  const double expected = possible * (1 - std::pow((possible - 1) / possible, static_cast<double>(total_)));
  return total_ == 0 ? 0 : static_cast<double>(distinct()) / expected;
}

double NgramVariety::entropy() const {
  double sum = 0;
  for (const std::int64_t count : counts_) {
    const double f = ratio(count, total_);
    sum -= f * std::log(f);
  }
  return sum;
}

double NgramVariety::distinct_n(std::span<const std::int32_t> weights) const {
  ETHREED_CHECK(weights.size() == of_group_.size(), "NgramVariety: {} weights for {} groups", weights.size(),
                of_group_.size());
  std::vector<bool> seen(counts_.size(), false);
  std::int64_t distinct = 0, total = 0;
  for (std::size_t g = 0; g < weights.size(); ++g) {
    if (weights[g] == 0) continue;
    total += weights[g] * total_of_group_[g];
    for (const std::int32_t ngram : of_group_[g]) {
      distinct += !seen[static_cast<std::size_t>(ngram)];
      seen[static_cast<std::size_t>(ngram)] = true;
    }
  }
  return total == 0 ? std::numeric_limits<double>::quiet_NaN() : ratio(distinct, total);
}

}  // namespace ethreed
