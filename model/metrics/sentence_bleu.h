#pragma once
// BLEU of single sentences: with short replies most have an order without a match, and what stands in its place is what
// the variants differ in (Chen and Cherry 2014, as nltk has their methods). Shares, 0 to 1.

#include "model/metrics/bleu.h"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ethreed {

enum class Smoothing {
  none,      ///< any zero precision gives 0
  method_1,  ///< .1 in place of a zero count: `bleu_sent_m1`
  method_2,  ///< 1 added to counts and totals for n > 1
  method_3,  ///< the k-th zero count becomes 1 / 2^k
  method_4,  ///< the k-th zero count becomes ln c / (5 · 2^k), where c > 1
  method_7  ///< method 4, then p_n := (p'_{n−1} + p_n + p_{n+1}) / 3, p'_0 = p_1 + 1, where the 5-gram precision stands
            ///< for p_{N+1} whatever N is: `bleu_sent_m7`
};

/// BLEU-1 … BLEU-4 of one row. Without a match of a single word all are 0.
Bleu sentence_bleu(const BleuCounts& row, Smoothing smoothing);

/// Several candidates against one reference, as EmpHi's P and R: the mean and the largest `bleu_sent_m7` after
/// lower-casing and dropping punctuation and the articles a, an, the; a reply of one word scores 0. Throws Error
/// without candidates.
struct PrecisionRecall {
  Bleu precision{}, recall{};
};
PrecisionRecall emphi_bleu(std::span<const std::vector<std::string>> candidates,
                           std::span<const std::string> reference);
/// The harmonic mean of two means over rows; 0 where both are.
double harmonic_mean(double a, double b);

}  // namespace ethreed
