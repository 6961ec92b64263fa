#include "model/metrics/repetition.h"

#include "core/error.h"
#include "model/metrics/ngrams.h"

#include <algorithm>
#include <limits>
#include <map>
#include <numeric>
#include <set>
#include <utility>

namespace ethreed {

double repetition(Indices reply, int n) {
  const std::vector<Ngram> ngrams = sorted_ngrams(reply, n);
  return ngrams.empty() ? 0 : 1 - static_cast<double>(different_of(ngrams)) / static_cast<double>(ngrams.size());
}

namespace {

std::int64_t sum_of_largest(std::vector<std::int64_t> values, std::size_t count) {
  const auto end = values.begin() + static_cast<std::ptrdiff_t>(std::min(count, values.size()));
  std::partial_sort(values.begin(), end, values.end(), std::greater<>());
  return std::accumulate(values.begin(), end, std::int64_t{0});
}

}  // namespace

std::function<Duplicates(GroupWeights)> duplicates_of_draw(std::span<const std::vector<std::string>> replies,
                                                           std::span<const std::int32_t> group_of) {
  ETHREED_CHECK(replies.size() == group_of.size(), "duplicates_of_draw: {} replies and {} groups, wanted as many",
                replies.size(), group_of.size());
  std::map<std::vector<std::string>, std::size_t> numbers;
  std::vector<std::size_t> text_of,
      first;  // the number of a row's text, in the order in which they come
  for (std::size_t i = 0; i < replies.size(); ++i) {
    const auto [place, added] = numbers.try_emplace(replies[i], first.size());
    if (added) first.push_back(i);
    text_of.push_back(place->second);
  }
  return [text_of = std::move(text_of), first = std::move(first),
          groups = std::vector<std::int32_t>(group_of.begin(), group_of.end())](GroupWeights weights) {
    std::vector<std::int64_t> times(first.size(), 0), rows(first.size(), 0);
    std::int64_t all = 0;
    for (std::size_t i = 0; i < text_of.size(); ++i) {
      const std::int32_t weight = weights[static_cast<std::size_t>(groups[i])];
      times[text_of[i]] += weight;
      rows[text_of[i]] += weight > 0;
      all += weight;
    }
    std::int64_t again = 0;
    double different = 0;
    std::size_t top = 0;
    for (std::size_t t = 0; t < times.size(); ++t) {
      if (rows[t] > 1) again += times[t];
      if (rows[t] > 0) different += static_cast<double>(times[t]) / static_cast<double>(rows[t]);
      if (times[t] > times[top]) top = t;
    }
    const auto share = [&](auto part) {
      return all == 0 ? std::numeric_limits<double>::quiet_NaN() : static_cast<double>(part) / static_cast<double>(all);
    };
    return Duplicates{.duplicate_replies = share(again),
                      .unique_replies = share(different),
                      .top_reply = share(times.empty() ? 0 : times[top]),
                      .ten_commonest = share(sum_of_largest(times, 10)),
                      .top_row = first.empty() ? 0 : first[top]};
  };
}

Duplicates duplicates(std::span<const std::vector<std::string>> replies) {
  if (replies.empty()) return {};
  const std::vector<std::int32_t> one_group(replies.size(), 0), once{1};
  return duplicates_of_draw(replies, one_group)(once);
}

std::vector<bool> copied_from(std::span<const std::vector<std::string>> replies,
                              std::span<const std::vector<std::string>> train) {
  const std::set<std::vector<std::string>> known(train.begin(), train.end());
  std::vector<bool> copied;
  for (const std::vector<std::string>& reply : replies) copied.push_back(known.contains(reply));
  return copied;
}

std::function<Lengths(GroupWeights)> lengths_of_draw(std::span<const std::vector<std::string>> replies,
                                                     std::span<const std::int32_t> group_of) {
  ETHREED_CHECK(replies.size() == group_of.size(), "lengths_of_draw: {} replies and {} groups, wanted as many",
                replies.size(), group_of.size());
  std::vector<std::size_t> length_of;
  for (const auto& reply : replies) length_of.push_back(reply.size());
  const std::size_t longest = replies.empty() ? 0 : *std::max_element(length_of.begin(), length_of.end());
  return [length_of = std::move(length_of), longest,
          groups = std::vector<std::int32_t>(group_of.begin(), group_of.end())](GroupWeights weights) {
    std::vector<std::int64_t> replies_of(longest + 1, 0);  // by length
    std::int64_t count = 0, sum = 0;
    for (std::size_t i = 0; i < length_of.size(); ++i) {
      const std::int64_t weight = weights[static_cast<std::size_t>(groups[i])];
      replies_of[length_of[i]] += weight;
      count += weight;
      sum += weight * static_cast<std::int64_t>(length_of[i]);
    }
    constexpr double absent = std::numeric_limits<double>::quiet_NaN();
    if (count == 0) return Lengths{.mean = absent, .median = absent, .p95 = -1};
    // The length at a place from 0 on of all, sorted.
    const auto at = [&](std::int64_t place) {
      std::size_t length = 0;
      for (; place >= replies_of[length]; ++length) place -= replies_of[length];
      return static_cast<std::int64_t>(length);
    };
    return Lengths{.mean = static_cast<double>(sum) / static_cast<double>(count),
                   .median = static_cast<double>(at((count - 1) / 2) + at(count / 2)) / 2,
                   .p95 = at((95 * count + 99) / 100 - 1)};
  };
}

Lengths lengths_of(std::span<const std::vector<std::string>> replies) {
  if (replies.empty()) return {};
  const std::vector<std::int32_t> one_group(replies.size(), 0), once{1};
  return lengths_of_draw(replies, one_group)(once);
}

Novelty novelty(Indices reply, std::span<const std::vector<std::int32_t>> context, int n) {
  std::set<Ngram> known;
  for (const auto& utterance : context)
    for (const Ngram& ngram : sorted_ngrams(utterance, n)) known.insert(ngram);
  Novelty result;
  for (const Ngram& ngram : sorted_ngrams(reply, n)) {
    ++result.total;
    result.novel += !known.contains(ngram);
  }
  return result;
}

}  // namespace ethreed
