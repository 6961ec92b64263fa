#pragma once
// What a run's replies are like as a whole: how many hold words that were copied, how many are the same few sentences.

#include "model/evaluation/evaluator.h"

#include <array>
#include <cstdint>
#include <map>
#include <vector>

namespace ethreed {

/// Replies that ReplyFigures calls the commonest.
inline constexpr std::size_t commonest_replies = 10;
inline constexpr std::array<double, 5> gate_quantiles{0.05, 0.25, 0.5, 0.75, 0.95};

class ReplyFigures {
 public:
  /// `vocabulary` is V.
  explicit ReplyFigures(int vocabulary) : vocabulary_(vocabulary) {}
  /// The turn was written with ReplyMode::look.
  void add(const GeneratedTurn& turn);

  std::int64_t replies() const { return replies_; }
  /// Replies with a word that came by the pointer for more than half of its probability.
  std::int64_t with_copied() const { return with_copied_; }
  /// Replies with a word that the vocabulary lacks.
  std::int64_t with_unknown() const { return with_unknown_; }
  /// Replies whose source (ETHREED's post, another's whole context) holds such a word: no other can repeat one.
  std::int64_t to_unknown() const { return to_unknown_; }
  /// Share of the replies that are one of the ten commonest, word by word; 0 without replies.
  double commonest_share() const;
  /// Quantile q of p_gen over all words and end marks written: the smallest value that a share q does not exceed. NaN
  /// without any.
  double gate_quantile(double q) const;

 private:
  int vocabulary_;
  std::int64_t replies_ = 0, with_copied_ = 0, with_unknown_ = 0, to_unknown_ = 0;
  std::map<std::vector<std::int32_t>, std::int64_t> different_;
  std::vector<double> gates_;
};

}  // namespace ethreed
