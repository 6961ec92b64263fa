#include "model/metrics/self_bleu.h"

#include "core/error.h"
#include "model/metrics/ngrams.h"
#include "model/metrics/sentence_bleu.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

namespace ethreed {

namespace {

// The largest count of an n-gram in one reply, and the largest of the others: the same where two replies have it.
struct LargestCounts {
  std::int32_t first = 0, second = 0;
  void add(std::int32_t count) {
    if (count > first) {
      second = first;
      first = count;
    } else {
      second = std::max(second, count);
    }
  }
  // Of all replies but one that has `own`.
  std::int32_t without(std::int32_t own) const { return own == first ? second : first; }
};

// The length nearest to `own` among the other replies; of two, the shorter. `replies` has how many have each length.
std::int64_t nearest_length(const std::vector<std::int32_t>& replies, std::int64_t own) {
  const std::int64_t longest = std::ssize(replies) - 1;
  if (replies[static_cast<std::size_t>(own)] > 1) return own;
  for (std::int64_t distance = 1;; ++distance) {
    if (own >= distance && replies[static_cast<std::size_t>(own - distance)] > 0) return own - distance;
    if (own + distance <= longest && replies[static_cast<std::size_t>(own + distance)] > 0) return own + distance;
  }
}

}  // namespace

SelfBleu::SelfBleu(std::span<const std::vector<std::int32_t>> replies, std::span<const std::int32_t> group_of,
                   int groups)
    : rows_(replies.size()), groups_(groups) {
  ETHREED_CHECK(replies.size() == group_of.size(), "SelfBleu: {} replies and {} groups of them, wanted as many",
                replies.size(), group_of.size());
  for (std::size_t i = 0; i < replies.size(); ++i) {
    ETHREED_CHECK(group_of[i] >= 0 && group_of[i] < groups, "SelfBleu: group {} of reply {}, wanted 0 to {}",
                  group_of[i], i, groups - 1);
    rows_[i].group = group_of[i];
    rows_[i].length = static_cast<std::int32_t>(replies[i].size());
    longest_ = std::max(longest_, replies[i].size());
  }
  for (std::size_t n = 0; n < 4; ++n) {
    std::map<Ngram, std::int32_t> numbers;
    for (std::size_t i = 0; i < replies.size(); ++i) {
      const std::vector<Ngram> sorted = sorted_ngrams(replies[i], static_cast<int>(n) + 1);
      for (std::size_t begin = 0, end = 0; begin < sorted.size(); begin = end) {
        while (end < sorted.size() && sorted[end] == sorted[begin]) ++end;
        const auto place = numbers.try_emplace(sorted[begin], static_cast<std::int32_t>(numbers.size())).first;
        rows_[i].ngrams[n].push_back({place->second, static_cast<std::int32_t>(end - begin)});
      }
    }
    different_[n] = numbers.size();
  }
}

Bleu SelfBleu::value() const {
  if (rows_.size() < 2) return {};
  return of_draw(std::vector<std::int32_t>(static_cast<std::size_t>(groups_), 1));
}

Bleu SelfBleu::of_draw(GroupWeights weights) const {
  ETHREED_CHECK(std::ssize(weights) == groups_, "SelfBleu: {} weights for {} groups", weights.size(), groups_);
  std::vector<std::int32_t> lengths(longest_ + 1, 0);
  std::vector<LargestCounts> largest[4];
  for (std::size_t n = 0; n < 4; ++n) largest[n].resize(different_[n]);
  std::int64_t drawn = 0, all = 0;
  for (const Row& row : rows_) {
    const std::int32_t weight = weights[static_cast<std::size_t>(row.group)];
    if (weight == 0) continue;
    ++drawn;
    all += weight;
    ++lengths[static_cast<std::size_t>(row.length)];
    for (std::size_t n = 0; n < 4; ++n)
      for (const Counted& one : row.ngrams[n]) largest[n][static_cast<std::size_t>(one.ngram)].add(one.count);
  }
  Bleu mean{};
  if (drawn < 2) {
    mean.fill(std::numeric_limits<double>::quiet_NaN());
    return mean;
  }
  for (const Row& row : rows_) {
    const std::int32_t weight = weights[static_cast<std::size_t>(row.group)];
    if (weight == 0) continue;
    BleuCounts counts{.candidate = row.length, .reference = nearest_length(lengths, row.length)};
    for (std::size_t n = 0; n < 4; ++n) {
      counts.ngrams[n] = std::max(0, row.length - static_cast<std::int32_t>(n));
      for (const Counted& one : row.ngrams[n])
        counts.matches[n] += std::min(one.count, largest[n][static_cast<std::size_t>(one.ngram)].without(one.count));
    }
    const Bleu values = sentence_bleu(counts, Smoothing::method_1);
    for (std::size_t n = 0; n < mean.size(); ++n) mean[n] += weight * values[n] / static_cast<double>(all);
  }
  return mean;
}

}  // namespace ethreed
