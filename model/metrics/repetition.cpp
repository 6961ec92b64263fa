#include "model/metrics/repetition.h"

#include "model/metrics/ngrams.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

namespace ethreed {

double repetition(Indices reply, int n) {
  const std::vector<Ngram> ngrams = sorted_ngrams(reply, n);
  return ngrams.empty() ? 0 : 1 - static_cast<double>(different_of(ngrams)) / static_cast<double>(ngrams.size());
}

Duplicates duplicates(std::span<const std::vector<std::string>> replies) {
  Duplicates result;
  if (replies.empty()) return result;
  struct Same {
    std::size_t first = 0, count = 0;
  };
  std::map<std::vector<std::string>, Same> different;
  for (std::size_t i = 0; i < replies.size(); ++i) ++different.try_emplace(replies[i], Same{i, 0}).first->second.count;
  Same top;
  std::size_t again = 0;
  for (const auto& [reply, same] : different) {
    if (same.count > 1) again += same.count;
    if (same.count > top.count || (same.count == top.count && same.first < top.first)) top = same;
  }
  const auto all = static_cast<double>(replies.size());
  result.duplicate_replies = static_cast<double>(again) / all;
  result.unique_replies = static_cast<double>(different.size()) / all;
  result.top_reply = static_cast<double>(top.count) / all;
  result.top_row = top.first;
  return result;
}

double copied_from(std::span<const std::vector<std::string>> replies, std::span<const std::vector<std::string>> train) {
  if (replies.empty()) return 0;
  const std::set<std::vector<std::string>> known(train.begin(), train.end());
  const auto copied =
      std::count_if(replies.begin(), replies.end(), [&](const auto& reply) { return known.contains(reply); });
  return static_cast<double>(copied) / static_cast<double>(replies.size());
}

Lengths lengths_of(std::span<const std::vector<std::string>> replies) {
  Lengths lengths;
  if (replies.empty()) return lengths;
  std::vector<std::int64_t> sorted;
  for (const auto& reply : replies) sorted.push_back(std::ssize(reply));
  std::sort(sorted.begin(), sorted.end());
  const std::size_t count = sorted.size();
  for (const std::int64_t length : sorted) lengths.mean += static_cast<double>(length) / static_cast<double>(count);
  lengths.median = static_cast<double>(sorted[(count - 1) / 2] + sorted[count / 2]) / 2;
  lengths.p95 = sorted[(95 * count + 99) / 100 - 1];
  return lengths;
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
