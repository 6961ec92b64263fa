#pragma once
// chrF (Popović 2015): F score of n-grams of characters, as sacrebleu has it by default.

#include <array>
#include <cstdint>
#include <span>
#include <string>

namespace ethreed {

/// What chrF needs of one row, or of any set of rows: sums of these. Orders 1 to 6 at n − 1.
struct ChrfCounts {
  std::array<std::int64_t, 6> candidate{}, reference{}, matches{};
  void add(const ChrfCounts& other, std::int64_t times = 1);
};

/// Characters (not bytes) of the words without the blanks between. Where the reference has no n-gram of an order, the
/// candidate's do not count.
ChrfCounts chrf_counts(std::span<const std::string> candidate, std::span<const std::string> reference);

/// β = 2, × 100: mean precision and mean recall over the orders that both sides have, then F.
double chrf(const ChrfCounts& sum);

}  // namespace ethreed
