#pragma once
// How varied replies are: Distinct-n and what others compute under its name. n-grams never cross replies; a reply that
// is shorter than n gives none; there is no end mark among the words. Distinct falls with the number of replies.

#include "core/indices.h"

#include <cstdint>
#include <set>
#include <span>
#include <utility>
#include <vector>

namespace ethreed {

/// Distinct-n × 100: distinct over total n-grams of all replies (n-grams do not cross replies).
class DistinctCounter {
 public:
  void add(Indices words);
  double distinct_1() const { return share(unigrams_.size(), unigram_count_); }
  double distinct_2() const { return share(bigrams_.size(), bigram_count_); }
  std::int64_t replies() const { return replies_; }

 private:
  static double share(std::size_t distinct, std::int64_t total) {
    return total == 0 ? 0.0 : 100.0 * static_cast<double>(distinct) / static_cast<double>(total);
  }
  std::set<std::int32_t> unigrams_;
  std::set<std::pair<std::int32_t, std::int32_t>> bigrams_;
  std::int64_t unigram_count_ = 0, bigram_count_ = 0, replies_ = 0;
};

/// The n-grams of all replies, as numbers: for figures of any set of groups of replies (dialogues), drawn any number of
/// times.
class NgramVariety {
 public:
  /// `group_of` has a group, 0 … groups − 1, for each reply.
  NgramVariety(std::span<const std::vector<std::int32_t>> replies, int n, std::span<const std::int32_t> group_of,
               int groups);
  /// Figures of all replies.
  std::int64_t distinct() const { return std::ssize(counts_); }
  std::int64_t total() const { return total_; }
  std::int64_t words() const { return words_; }
  /// `distinct_n`: distinct n-grams / n-grams, a share. 0 without any.
  double distinct_n() const;
  /// `distinct_n_words` (Li et al. 2016): distinct n-grams / words.
  double distinct_n_words() const;
  /// `distinct_n_reply`: mean over replies of the ratio within a reply; of those that have an n-gram.
  double distinct_n_reply() const { return replies_ == 0 ? 0 : within_ / static_cast<double>(replies_); }
  /// `ead_n` (Liu et al. 2022): distinct / (K [1 − ((K − 1)/K)^C]), C n-grams in all, K possible ones. Throws Error if
  /// K < 1.
  double expectation_adjusted(double possible) const;
  /// `entropy_n`: −Σ f log f in nats, f an n-gram's share.
  double entropy() const;
  /// `distinct_n` of a draw: group g is there weights[g] times. NaN without any n-gram.
  double distinct_n(std::span<const std::int32_t> weights) const;

 private:
  std::vector<std::int64_t> counts_;                 // of each different n-gram
  std::vector<std::vector<std::int32_t>> of_group_;  // the different n-grams of a group
  std::vector<std::int64_t> total_of_group_;
  std::int64_t total_ = 0, words_ = 0, replies_ = 0;
  double within_ = 0;
};

}  // namespace ethreed
