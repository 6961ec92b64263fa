// Differences of systems of several runs, and figures of drawn dialogues, held against what is known without a
// bootstrap.

#include "core/philox.h"
#include "model/metrics/bootstrap.h"
#include "model/metrics/distinct.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <memory>
#include <numeric>
#include <vector>

using namespace ethreed;

namespace {

using Weights = std::vector<std::int32_t>;

// n dialogues of one count each: 0, 1, 2, … modulo `different`, plus `more`.
GroupFigure mean(int n, int different, double more = 0) {
  std::vector<RatioCounts> all;
  for (int i = 0; i < n; ++i) all.push_back({static_cast<double>(i % different) + more, 1});
  return ratio_figure(all);
}

// Distinct-n × 100 of one reply a dialogue.
GroupFigure distinct(const std::vector<std::vector<std::int32_t>>& replies, int n) {
  Weights group_of(replies.size());
  std::iota(group_of.begin(), group_of.end(), 0);
  const auto variety = std::make_shared<const NgramVariety>(replies, n, group_of, static_cast<int>(replies.size()));
  return [variety](GroupWeights weights) { return 100 * variety->distinct_n(weights); };
}

}  // namespace

TEST_CASE("a ratio over dialogues is that of the sums, each dialogue as often as it is drawn") {
  const std::vector<RatioCounts> of_dialogue{{2, 2}, {0, 1}, {0, 0}};
  const GroupFigure ratio = ratio_figure(of_dialogue), exponential = ratio_figure(of_dialogue, true);
  CHECK(ratio(Weights{1, 1, 1}) == Approx(2.0 / 3));
  CHECK(ratio(Weights{2, 1, 0}) == Approx(4.0 / 5));
  CHECK(exponential(Weights{2, 1, 0}) == Approx(std::exp(4.0 / 5)));
  CHECK(std::isnan(ratio(Weights{0, 0, 2})));
}

TEST_CASE("Distinct-n of drawn dialogues is that of their replies, one drawn twice counted twice") {
  const std::vector<std::vector<std::int32_t>> replies{{0, 1, 0, 1}, {1, 2}, {0}, {}, {2, 1, 3}};
  const std::vector<std::int32_t> dialogue_of{0, 0, 1, 2, 2};
  DistinctCounter counter;
  for (const auto& words :
       std::vector<std::vector<std::int32_t>>{{0, 1, 0, 1}, {1, 2}, {}, {2, 1, 3}, {0, 1, 0, 1}, {1, 2}})
    counter.add(words);
  const NgramVariety one(replies, 1, dialogue_of, 3), two(replies, 2, dialogue_of, 3);
  const Weights drawn{2, 0, 1}, second{0, 1, 0};
  for (int again = 0; again < 2; ++again) {
    CHECK(100 * one.distinct_n(drawn) == Approx(counter.distinct_1()));
    CHECK(100 * two.distinct_n(drawn) == Approx(counter.distinct_2()));
    CHECK(one.distinct_n(second) == 1);
    CHECK(std::isnan(two.distinct_n(second)));
  }
}

TEST_CASE("both systems are drawn on the same dialogues: a constant difference has no interval") {
  const Bootstrap bootstrap(200, {.resamples = 50});
  const SystemDifference difference =
      bootstrap.difference(bootstrap.resample(mean(200, 7, 0.25)), bootstrap.resample(mean(200, 7)));
  CHECK(difference.dialogues.value == Approx(0.25));
  CHECK(difference.dialogues.low == Approx(0.25));
  CHECK(difference.dialogues.high == Approx(0.25));
}

TEST_CASE("the interval of a mean is 1.96 standard errors to either side") {
  constexpr int n = 200;
  const Bootstrap bootstrap(n, {.resamples = 2000});
  const SystemDifference difference =
      bootstrap.difference(bootstrap.resample(mean(n, 10)), bootstrap.resample(mean(n, 1)));
  const double error = std::sqrt(8.25 / n);  // the variance of 0 … 9
  const Interval& kept = difference.dialogues;
  CHECK(kept.value == Approx(4.5));
  CHECK(kept.value - kept.low == Approx(1.96 * error).epsilon(0.1));
  CHECK(kept.high - kept.value == Approx(1.96 * error).epsilon(0.1));
}

TEST_CASE("runs that differ by their seed alone widen the second interval, not the first") {
  const Bootstrap bootstrap(20, {.resamples = 20000});
  const auto always = [&](double value) { return bootstrap.resample(mean(20, 1, value)); };
  const std::vector<ResampledFigure> base{always(1), always(1), always(1)}, system{always(1), always(2), always(3)};
  const SystemDifference difference = bootstrap.difference(system, base);
  CHECK(difference.dialogues.value == Approx(1.0));
  CHECK(difference.dialogues.low == Approx(1.0));
  CHECK(difference.dialogues.high == Approx(1.0));
  // 1, 2 and 3 have a standard error of 1/√3, and t with two degrees of freedom its 97.5 % point at 4.303.
  const Interval& with_seeds = difference.dialogues_and_seeds;
  CHECK(with_seeds.value - with_seeds.low == Approx(4.303 / std::sqrt(3)).epsilon(0.1));
  CHECK(with_seeds.high - with_seeds.value == Approx(4.303 / std::sqrt(3)).epsilon(0.1));
  CHECK_FALSE(with_seeds.is_a_difference());
  CHECK(difference.dialogues.is_a_difference());
}

TEST_CASE("one run says nothing of the spread of seeds: there is no second interval, and no difference is claimed") {
  const Bootstrap bootstrap(20, {.resamples = 50});
  const auto always = [&](double value) { return bootstrap.resample(mean(20, 1, value)); };
  const std::vector<ResampledFigure> one{always(5)}, three{always(1), always(1.1), always(0.9)};
  for (const auto& [system, base] : {std::pair(&one, &three), std::pair(&three, &one), std::pair(&one, &one)}) {
    const SystemDifference difference = bootstrap.difference(*system, *base);
    CHECK(difference.dialogues.exists());
    CHECK_FALSE(difference.dialogues_and_seeds.exists());
    CHECK_FALSE(difference.dialogues_and_seeds.is_a_difference());
    CHECK(difference.dialogues_and_seeds.value == difference.dialogues.value);
  }
  CHECK_FALSE(bootstrap.difference(one, one, true).dialogues_and_seeds.exists());
}

TEST_CASE("where only seeds differ, one difference in twenty is claimed at most") {
  const Bootstrap bootstrap(2, {.resamples = 300});
  const PhiloxStream random(11, 0);
  std::uint64_t drawn = 0;
  for (const int runs : {2, 3, 5}) {
    constexpr int trials = 600;
    int claimed = 0;
    for (int trial = 0; trial < trials; ++trial) {
      const auto system = [&] {
        std::vector<ResampledFigure> figures;
        for (int i = 0; i < runs; ++i) figures.push_back(bootstrap.resample(mean(2, 1, random.normal(drawn++))));
        return figures;
      };
      const std::vector<ResampledFigure> a = system(), b = system();
      claimed += bootstrap.difference(a, b).dialogues_and_seeds.is_a_difference();
    }
    CAPTURE(runs, claimed);
    CHECK(claimed <= trials * 0.075);  // 5 %, and what the noise of 300 draws and 600 trials may add
  }
}

TEST_CASE("where only one system's seeds differ, the interval is Student's by its runs less one") {
  const Bootstrap bootstrap(2, {.resamples = 20'000});
  const auto runs = [&](const std::vector<double>& values) {
    std::vector<ResampledFigure> figures;
    for (const double value : values) figures.push_back(bootstrap.resample(mean(2, 1, value)));
    return figures;
  };
  // The 97.5 % quantiles of Student's t with 2 and 4 degrees of freedom, times s/√n.
  const Interval of_three = bootstrap.difference(runs({1, 2, 3}), runs({2, 2, 2})).dialogues_and_seeds;
  CHECK(of_three.high == Approx(4.303 / std::sqrt(3.0)).epsilon(0.08));
  CHECK(of_three.low == Approx(-4.303 / std::sqrt(3.0)).epsilon(0.08));
  const Interval of_five = bootstrap.difference(runs({2, 2}), runs({0, 1, 2, 3, 4})).dialogues_and_seeds;
  CHECK(of_five.high == Approx(2.776 / std::sqrt(2.0)).epsilon(0.06));
  CHECK(of_five.low == Approx(-2.776 / std::sqrt(2.0)).epsilon(0.06));
}

TEST_CASE("runs that are the same ones measured in two ways have the spread of their differences") {
  const Bootstrap bootstrap(20, {.resamples = 400});
  const auto always = [&](double value) { return bootstrap.resample(mean(20, 1, value)); };
  const std::vector<ResampledFigure> base{always(1), always(2), always(3)},
      system{always(1.5), always(2.5), always(3.5)};
  const Interval together = bootstrap.difference(system, base, true).dialogues_and_seeds;
  CHECK(together.low == Approx(0.5));
  CHECK(together.high == Approx(0.5));
  const Interval apart = bootstrap.difference(system, base).dialogues_and_seeds;
  CHECK(apart.high - apart.low > 1);
  CHECK_THROWS_WITH(bootstrap.difference(std::span(system).first(2), base, true), Catch::Contains("2 and 3 figures"));
}

TEST_CASE("draws are a function of the seed, and Distinct's interval lies about the difference that was found") {
  std::vector<std::vector<std::int32_t>> plain, varied;
  for (int d = 0; d < 300; ++d) {
    plain.push_back({0, 1, 2, 3 + d % 40});
    varied.push_back({0, 1, 2, 3 + d % 120});
  }
  const auto difference = [&](std::uint64_t seed) {
    const Bootstrap bootstrap(300, {.resamples = 400, .seed = seed});
    return bootstrap.difference(bootstrap.resample(distinct(varied, 1)), bootstrap.resample(distinct(plain, 1)))
        .dialogues;
  };
  const Interval one = difference(1), again = difference(1), other = difference(2);
  CHECK(one.low == again.low);
  CHECK(one.high == again.high);
  CHECK(one.low != other.low);
  CHECK(one.value == Approx(100.0 * 80 / 1200));
  CHECK(one.low < one.value);
  CHECK(one.high > one.value);
}

TEST_CASE("a figure that some draws lack has a value, but no interval") {
  const Bootstrap bootstrap(3, {.resamples = 100});
  const ResampledFigure rare = bootstrap.resample(ratio_figure({{1, 1}, {0, 0}, {0, 0}})),
                        base = bootstrap.resample(mean(3, 1, 1));
  CHECK(rare.value == 1.0);
  CHECK_FALSE(bootstrap.interval(rare).exists());
  CHECK_FALSE(bootstrap.difference(rare, base).dialogues.exists());
  CHECK(std::isnan(bootstrap.difference(rare, base).dialogues.low));
}
