#pragma once
// BLEU of a corpus (Papineni et al. 2002) in the variants that papers print under one name. All are shares, 0 to 1, but
// sacrebleu's, which are × 100.
//   p_n = Σ clipped matches / Σ n-grams of candidates; BP = 1 where c > r, else exp(1 − r/c);
//   BLEU-N = BP · exp(Σ_{n ≤ N} log p_n / N)

#include "core/indices.h"

#include <array>
#include <cstdint>

namespace ethreed {

/// What BLEU needs of one row, or of any set of rows: sums of these.
struct BleuCounts {
  static constexpr int orders = 5;                       ///< the fifth is for smoothing method 7
  std::array<std::int64_t, orders> matches{}, ngrams{};  ///< at n − 1
  std::array<std::int64_t, orders> without{};            ///< rows whose candidate has no n-gram of the order
  std::int64_t candidate = 0, reference = 0;             ///< lengths c and r
  void add(const BleuCounts& other, std::int64_t times = 1);
};

/// One candidate, one reference.
BleuCounts bleu_counts(Indices candidate, Indices reference);

/// 1 where c > r, else exp(1 − r/c); 0 where c = 0.
double brevity_penalty(double c, double r);

using Bleu = std::array<double, 4>;  ///< BLEU-1 … BLEU-4

/// `bleu`: summed counts, no smoothing. A zero count makes its order and those above 0; has_zero_count() flags it.
Bleu bleu(const BleuCounts& sum);
bool has_zero_count(const BleuCounts& sum, int order);
/// `bleu_coco`, as the caption scripts have it: 1e-15 added to matches, 1e-9 to totals.
Bleu bleu_coco(const BleuCounts& sum);
/// `bleu_nltk`: a candidate shorter than n adds 1 to the n-grams of that order.
Bleu bleu_nltk(const BleuCounts& sum);

/// `sacrebleu`: order 4, × 100; the k-th zero count becomes 1 / (2^k · total).
struct SacreBleu {
  double score = 0;
  std::array<double, 4> precisions{};
};
SacreBleu sacrebleu(const BleuCounts& sum);

}  // namespace ethreed
