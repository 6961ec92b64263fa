// The bootstrap over dialogues, held against what is known without one.

#include "model/evaluation/metrics.h"
#include "model/evaluation/paired_bootstrap.h"

#include <fmt/format.h>
#include <catch2/catch.hpp>

#include <cmath>
#include <string>
#include <vector>

using namespace ethreed;
using Catch::Contains;

namespace {

using Replies = std::vector<std::vector<std::vector<std::string>>>;

const std::vector<std::int32_t> first_three{0, 1, 2};

// n dialogues of one count each: 0, 1, 2, … modulo `different`, plus `more`.
std::vector<ExampleShare> shares(int n, int different, double more = 0) {
  std::vector<ExampleShare> all;
  for (int i = 0; i < n; ++i) all.push_back({static_cast<double>(i % different) + more, 1});
  return all;
}

}  // namespace

TEST_CASE("a ratio over dialogues is that of the sums, each dialogue as often as it is drawn") {
  const std::vector<ExampleShare> of_dialogue{{2, 2}, {0, 1}, {0, 0}};
  const DialogueStatistic ratio = ratio_statistic(of_dialogue, false), exponential = ratio_statistic(of_dialogue, true);
  CHECK(ratio(first_three) == Approx(2.0 / 3));
  CHECK(ratio(std::vector<std::int32_t>{0, 0, 1}) == Approx(4.0 / 5));
  CHECK(exponential(std::vector<std::int32_t>{0, 0, 1}) == Approx(std::exp(4.0 / 5)));
  CHECK(std::isnan(ratio(std::vector<std::int32_t>{2, 2})));
}

TEST_CASE("Distinct-n of drawn dialogues is that of their replies, one drawn twice counted twice") {
  const Replies replies{{{"a", "b", "a", "b"}, {"b", "c"}}, {{"a"}}, {{}, {"c", "b", "d"}}};
  const std::vector<std::int32_t> drawn{0, 2, 0};
  DistinctCounter counter;
  for (const auto& words :
       std::vector<std::vector<std::int32_t>>{{0, 1, 0, 1}, {1, 2}, {}, {2, 1, 3}, {0, 1, 0, 1}, {1, 2}})
    counter.add(words);
  const DialogueStatistic one = distinct_statistic(replies, 1), two = distinct_statistic(replies, 2);
  for (int again = 0; again < 2; ++again) {
    CHECK(one(drawn) == Approx(counter.distinct_1()));
    CHECK(two(drawn) == Approx(counter.distinct_2()));
    CHECK(one(std::vector<std::int32_t>{1}) == Approx(100.0));
    CHECK(std::isnan(two(std::vector<std::int32_t>{1})));
  }
}

TEST_CASE("both systems are drawn on the same dialogues: a constant difference has no interval") {
  const PairedBootstrap bootstrap(200, {.resamples = 50});
  const std::vector<ResampledFigure> base{bootstrap.resample(ratio_statistic(shares(200, 7), false))};
  const std::vector<ResampledFigure> system{bootstrap.resample(ratio_statistic(shares(200, 7, 0.25), false))};
  const PairedDifference difference = bootstrap.difference(system, base);
  CHECK(difference.value == Approx(0.25));
  CHECK(difference.dialogues.low == Approx(0.25));
  CHECK(difference.dialogues.high == Approx(0.25));
}

TEST_CASE("the interval of a mean is 1.96 standard errors to either side") {
  constexpr int n = 200;
  const PairedBootstrap bootstrap(n, {.resamples = 2000});
  const std::vector<ResampledFigure> zero{
      bootstrap.resample(ratio_statistic(std::vector<ExampleShare>(n, ExampleShare{0, 1}), false))};
  const std::vector<ResampledFigure> system{bootstrap.resample(ratio_statistic(shares(n, 10), false))};
  const PairedDifference difference = bootstrap.difference(system, zero);
  const double error = std::sqrt(8.25 / n);  // the variance of 0 … 9
  CHECK(difference.value == Approx(4.5));
  CHECK(difference.value - difference.dialogues.low == Approx(1.96 * error).epsilon(0.1));
  CHECK(difference.dialogues.high - difference.value == Approx(1.96 * error).epsilon(0.1));
  // With one run a system nothing is added by drawing runs.
  CHECK(difference.dialogues_and_seeds.low == Approx(difference.dialogues.low));
  CHECK(difference.dialogues_and_seeds.high == Approx(difference.dialogues.high));
}

TEST_CASE("runs that differ by their seed alone widen the second interval, not the first") {
  const PairedBootstrap bootstrap(20, {.resamples = 2000});
  const auto always = [&](double value) {
    return bootstrap.resample(ratio_statistic(std::vector<ExampleShare>(20, ExampleShare{value, 1}), false));
  };
  const std::vector<ResampledFigure> base{always(1), always(1), always(1)}, system{always(1), always(2), always(3)};
  const PairedDifference difference = bootstrap.difference(system, base);
  CHECK(difference.value == Approx(1.0));
  CHECK(difference.dialogues.low == Approx(1.0));
  CHECK(difference.dialogues.high == Approx(1.0));
  // Means of three draws of 1, 2, 3, less 1: 0 and 2 have the probability 1/27 each, beyond the 2.5 % of each side.
  CHECK(difference.dialogues_and_seeds.low == Approx(0.0).margin(0.04));
  CHECK(difference.dialogues_and_seeds.high == Approx(2.0).margin(0.04));
}

TEST_CASE("draws are a function of the seed, and Distinct's interval lies about the difference that was found") {
  Replies plain, varied;
  for (int d = 0; d < 300; ++d) {
    plain.push_back({{"i", "am", "sorry", fmt::format("w{}", d % 40)}});
    varied.push_back({{"i", "am", "sorry", fmt::format("w{}", d % 120)}});
  }
  const auto difference = [&](std::uint64_t seed) {
    const PairedBootstrap bootstrap(300, {.resamples = 400, .seed = seed});
    const std::vector<ResampledFigure> base{bootstrap.resample(distinct_statistic(plain, 1))},
        system{bootstrap.resample(distinct_statistic(varied, 1))};
    return bootstrap.difference(system, base);
  };
  const PairedDifference one = difference(1), again = difference(1), other = difference(2);
  CHECK(one.dialogues.low == again.dialogues.low);
  CHECK(one.dialogues.high == again.dialogues.high);
  CHECK(one.dialogues.low != other.dialogues.low);
  CHECK(one.value == Approx(100.0 * 80 / 1200));
  CHECK(one.dialogues.low < one.value);
  CHECK(one.dialogues.high > one.value);
}

TEST_CASE("a figure that some draws lack has no interval, and a bootstrap of nothing is refused") {
  const PairedBootstrap bootstrap(3, {.resamples = 100});
  const std::vector<ResampledFigure> rare{bootstrap.resample(ratio_statistic({{1, 1}, {0, 0}, {0, 0}}, false))},
      base{bootstrap.resample(ratio_statistic({{1, 1}, {1, 1}, {1, 1}}, false))};
  CHECK(rare.front().value == 1.0);
  CHECK(std::isnan(bootstrap.difference(rare, base).dialogues.low));
  CHECK_THROWS_WITH(PairedBootstrap(0), Contains("no dialogue"));
  CHECK_THROWS_WITH(PairedBootstrap(3, {.resamples = 1}), Contains("resamples is 1"));
  CHECK_THROWS_WITH(bootstrap.difference({}, base), Contains("has no run"));
}
