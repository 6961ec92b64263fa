#pragma once
// How alike replies are to each other: `self_bleu_n` (Zhu et al. 2018).

#include "model/metrics/bleu.h"
#include "model/metrics/bootstrap.h"

#include <cstdint>
#include <span>
#include <vector>

namespace ethreed {

/// `self_bleu_n`, n = 1 … 4: each reply against all others, sentence BLEU with smoothing method 1, mean; a match is
/// clipped by the largest count of any other, r is the length nearest to c (of two, the shorter). High says monotonous.
class SelfBleu {
 public:
  /// `group_of` has a group, 0 … groups − 1, for each reply. Throws Error for another number of them, or one beyond.
  SelfBleu(std::span<const std::vector<std::int32_t>> replies, std::span<const std::int32_t> group_of, int groups);

  /// Of all replies, each once. Linear in the number of n-grams. 0 with fewer than two replies.
  Bleu value() const;
  /// Of a draw of groups: the references are the other replies that were drawn, each once however often its group was
  /// (a reply is never its own reference, which would give it 1), and the mean weighs a reply by its group. NaN with
  /// fewer than two replies drawn.
  Bleu of_draw(GroupWeights weights) const;

 private:
  struct Counted {
    std::int32_t ngram = 0;  // its number among those of its order
    std::int32_t count = 0;  // in one reply
  };
  struct Row {
    std::int32_t group = 0, length = 0;
    std::vector<Counted> ngrams[4];  // by order
  };
  std::vector<Row> rows_;
  std::size_t different_[4] = {};  // n-grams of an order
  std::size_t longest_ = 0;
  int groups_ = 0;
};

}  // namespace ethreed
