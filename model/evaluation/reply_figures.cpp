#include "model/evaluation/reply_figures.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace ethreed {

void ReplyFigures::add(const GeneratedTurn& turn) {
  const auto is_unknown = [&](std::int32_t word) { return word >= vocabulary_; };
  ++replies_;
  ++different_[turn.reply.words];
  bool copied = false;
  for (const WordOrigin& origin : turn.reply.origins) {
    gates_.push_back(origin.generation_gate);
    copied |= origin.copied > 0.5;
  }
  with_copied_ += copied;
  with_unknown_ += std::any_of(turn.reply.words.begin(), turn.reply.words.end(), is_unknown);
  to_unknown_ += std::any_of(turn.source.begin(), turn.source.end(), is_unknown);
}

double ReplyFigures::commonest_share() const {
  if (replies_ == 0) return 0;
  std::vector<std::int64_t> counts;
  for (const auto& [words, count] : different_) counts.push_back(count);
  std::sort(counts.begin(), counts.end(), std::greater<>());
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < std::min(commonest_replies, counts.size()); ++i) sum += counts[i];
  return static_cast<double>(sum) / static_cast<double>(replies_);
}

double ReplyFigures::gate_quantile(double q) const {
  if (gates_.empty()) return std::numeric_limits<double>::quiet_NaN();
  std::vector<double> sorted = gates_;
  std::sort(sorted.begin(), sorted.end());
  const auto place = static_cast<std::size_t>(std::ceil(q * static_cast<double>(sorted.size())));
  return sorted[std::clamp<std::size_t>(place, 1, sorted.size()) - 1];
}

}  // namespace ethreed
