// Figures of replies, and the choice that accuracies rest on, by hand.

#include "model/blocks/figure_sums.h"
#include "model/evaluation/metrics.h"

#include <catch2/catch.hpp>

#include <vector>

using namespace ethreed;

TEST_CASE("Distinct-n counts different n-grams of all replies, and none across two replies") {
  DistinctCounter counter;
  CHECK(counter.distinct_1() == 0.0);
  CHECK(counter.distinct_2() == 0.0);
  counter.add(std::vector<std::int32_t>{7, 8, 7, 8});  // bigrams 78 87 78
  counter.add(std::vector<std::int32_t>{8, 9});        // 89
  counter.add(std::vector<std::int32_t>{7});           // none; 9 7 would be one across replies
  counter.add(std::vector<std::int32_t>{});
  CHECK(counter.distinct_1() == Approx(100.0 * 3 / 7));
  CHECK(counter.distinct_2() == Approx(100.0 * 3 / 4));
  CHECK(counter.replies() == 4);
}

TEST_CASE("argmax is the first of equals") {
  const std::vector<double> values{1, 3, 2, 3};
  CHECK(argmax(std::span<const double>(values)) == 1);
}
