#pragma once
// What every example adds to a figure that is a ratio of sums: enough to have the figure of any choice of examples.

#include <cstdint>
#include <string_view>
#include <vector>

namespace ethreed {

/// A figure over examples is Σ sum / Σ count, or the exponential of it.
struct ExampleShare {
  double sum = 0;
  std::int64_t count = 0;
  ExampleShare& operator+=(const ExampleShare& other) {
    sum += other.sum;
    count += other.count;
    return *this;
  }
};

struct FigureShares {
  std::string_view name;                 ///< of the figure (FigureColumn::name)
  bool exponential = false;              ///< of a perplexity: sum is of −log P
  std::vector<ExampleShare> of_example;  ///< in the order in which examples were given
};

}  // namespace ethreed
