#pragma once
// How varied replies are: Distinct-n and what others compute under its name. n-grams never cross replies; a reply that
// is shorter than n gives none; there is no end mark among the words. Distinct falls with the number of replies.

#include "core/indices.h"
#include "model/metrics/bootstrap.h"

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

/// The n-grams of all replies, as numbers: for figures of any draw of groups of replies (dialogues). Without weights a
/// figure is of all replies, each once; with them group g is there weights[g] times, and a figure that the draw has
/// nothing for is NaN.
class NgramVariety {
 public:
  /// `group_of` has a group, 0 … groups − 1, for each reply.
  NgramVariety(std::span<const std::vector<std::int32_t>> replies, int n, std::span<const std::int32_t> group_of,
               int groups);

  /// What a draw has: different n-grams, all of them, words, and how many n-grams there are of each.
  struct Draw {
    std::int64_t distinct = 0, total = 0, words = 0;
    std::vector<std::int64_t> counts;
  };
  Draw draw(GroupWeights weights) const;
  const Draw& all() const { return all_; }

  std::int64_t distinct() const { return all_.distinct; }
  std::int64_t total() const { return all_.total; }
  std::int64_t words() const { return all_.words; }
  /// `distinct_n`: distinct n-grams / n-grams, a share. Of all replies 0 without any.
  double distinct_n() const;
  double distinct_n(GroupWeights weights) const;
  /// `distinct_n_words` (Li et al. 2016): distinct n-grams / words.
  double distinct_n_words() const;
  /// `distinct_n_reply`: mean over replies of the ratio within a reply; of those that have an n-gram.
  double distinct_n_reply() const;
  double distinct_n_reply(GroupWeights weights) const;
  /// `entropy_n`: −Σ f log f in nats, f an n-gram's share.
  double entropy() const { return entropy_of(all_); }

  static double distinct_of(const Draw& draw);
  static double distinct_words_of(const Draw& draw);
  static double entropy_of(const Draw& draw);
  /// `ead_n` (Liu et al. 2022): distinct / (K [1 − ((K − 1)/K)^C]), C n-grams in all, K possible ones. Throws Error if
  /// K < 1.
  static double expectation_adjusted_of(const Draw& draw, double possible);
  double expectation_adjusted(double possible) const { return expectation_adjusted_of(all_, possible); }

 private:
  struct Counted {
    std::int32_t ngram = 0, count = 0;
  };
  std::vector<std::vector<Counted>> of_group_;  // the different n-grams of a group
  std::vector<RatioCounts> within_;             // by group: Σ over its replies of the ratio within one
  std::vector<std::int64_t> total_of_group_, words_of_group_;
  std::int32_t different_ = 0;
  Draw all_;
};

}  // namespace ethreed
