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

constexpr double absent = std::numeric_limits<double>::quiet_NaN();

double ratio(std::int64_t part, std::int64_t whole) {
  return whole == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

NgramVariety::NgramVariety(std::span<const std::vector<std::int32_t>> replies, int n,
                           std::span<const std::int32_t> group_of, int groups)
    : of_group_(static_cast<std::size_t>(groups)),
      within_(static_cast<std::size_t>(groups)),
      total_of_group_(static_cast<std::size_t>(groups), 0),
      words_of_group_(static_cast<std::size_t>(groups), 0) {
  ETHREED_CHECK(replies.size() == group_of.size(), "NgramVariety: {} replies and {} groups of them, wanted as many",
                replies.size(), group_of.size());
  std::map<Ngram, std::int32_t> numbers;
  std::vector<std::vector<std::int32_t>> ngrams_of(static_cast<std::size_t>(groups));
  for (std::size_t i = 0; i < replies.size(); ++i) {
    ETHREED_CHECK(group_of[i] >= 0 && group_of[i] < groups, "NgramVariety: group {} of reply {}, wanted 0 to {}",
                  group_of[i], i, groups - 1);
    const auto group = static_cast<std::size_t>(group_of[i]);
    const std::vector<Ngram> ngrams = sorted_ngrams(replies[i], n);
    words_of_group_[group] += std::ssize(replies[i]);
    total_of_group_[group] += std::ssize(ngrams);
    if (!ngrams.empty()) within_[group].add({ratio(different_of(ngrams), std::ssize(ngrams)), 1});
    for (const Ngram& ngram : ngrams)
      ngrams_of[group].push_back(numbers.try_emplace(ngram, static_cast<std::int32_t>(numbers.size())).first->second);
  }
  different_ = static_cast<std::int32_t>(numbers.size());
  for (std::size_t g = 0; g < ngrams_of.size(); ++g) {
    std::sort(ngrams_of[g].begin(), ngrams_of[g].end());
    for (const std::int32_t ngram : ngrams_of[g]) {
      if (of_group_[g].empty() || of_group_[g].back().ngram != ngram) of_group_[g].push_back({ngram, 0});
      ++of_group_[g].back().count;
    }
  }
  all_ = draw(std::vector<std::int32_t>(static_cast<std::size_t>(groups), 1));
}

NgramVariety::Draw NgramVariety::draw(GroupWeights weights) const {
  ETHREED_CHECK(weights.size() == of_group_.size(), "NgramVariety: {} weights for {} groups", weights.size(),
                of_group_.size());
  Draw draw;
  draw.counts.resize(static_cast<std::size_t>(different_), 0);
  for (std::size_t g = 0; g < weights.size(); ++g) {
    if (weights[g] == 0) continue;
    draw.total += weights[g] * total_of_group_[g];
    draw.words += weights[g] * words_of_group_[g];
    for (const Counted& one : of_group_[g]) {
      std::int64_t& count = draw.counts[static_cast<std::size_t>(one.ngram)];
      draw.distinct += count == 0;
      count += std::int64_t{weights[g]} * one.count;
    }
  }
  return draw;
}

double NgramVariety::distinct_of(const Draw& draw) {
  return draw.total == 0 ? absent : ratio(draw.distinct, draw.total);
}

double NgramVariety::distinct_words_of(const Draw& draw) {
  return draw.words == 0 ? absent : ratio(draw.distinct, draw.words);
}

double NgramVariety::expectation_adjusted_of(const Draw& draw, double possible) {
  ETHREED_CHECK(possible >= 1, "NgramVariety: {} possible n-grams, wanted 1 at least", possible);
  const double expected = possible * (1 - std::pow((possible - 1) / possible, static_cast<double>(draw.total)));
  return draw.total == 0 ? 0 : static_cast<double>(draw.distinct) / expected;
}

double NgramVariety::entropy_of(const Draw& draw) {
  double sum = 0;
  for (const std::int64_t count : draw.counts) {
    if (count == 0) continue;
    const double f = ratio(count, draw.total);
    sum -= f * std::log(f);
  }
  return sum;
}

double NgramVariety::distinct_n() const { return ratio(all_.distinct, all_.total); }

double NgramVariety::distinct_n(GroupWeights weights) const { return distinct_of(draw(weights)); }

double NgramVariety::distinct_n_words() const { return ratio(all_.distinct, all_.words); }

double NgramVariety::distinct_n_reply(GroupWeights weights) const { return weighted_sum(within_, weights).ratio(); }

double NgramVariety::distinct_n_reply() const {
  RatioCounts sum;
  for (const RatioCounts& group : within_) sum.add(group);
  return sum.count == 0 ? 0 : sum.ratio();
}

}  // namespace ethreed
