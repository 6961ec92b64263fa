// Intervals by drawing dialogues again, and the agreement of raters.

#include "model/metrics/agreement.h"
#include "model/metrics/bootstrap.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

using namespace ethreed;

namespace {

// 400 dialogues of one row, values 0 and 1 by turns, plus `shift`.
GroupFigure alternating(double shift) {
  std::vector<RatioCounts> groups;
  for (int i = 0; i < 400; ++i) groups.push_back({i % 2 + shift, 1});
  return ratio_figure(std::move(groups));
}

// Ten subjects, fourteen raters, five categories (Fleiss's worked example).
const std::vector<RatingCounts> fleiss_table{{0, 0, 0, 0, 14}, {0, 2, 6, 4, 2}, {0, 0, 3, 5, 6}, {0, 3, 9, 2, 0},
                                             {2, 2, 8, 1, 1},  {7, 7, 0, 0, 0}, {3, 2, 6, 3, 0}, {2, 5, 3, 2, 2},
                                             {6, 5, 2, 1, 0},  {0, 2, 2, 3, 7}};

}  // namespace

TEST_CASE("the bootstrap interval of a mean is that of the normal approximation") {
  const Interval interval = Bootstrap(400, {}).interval(alternating(0));
  CHECK(interval.value == Approx(0.5));
  CHECK(interval.low == Approx(0.5 - 1.96 * 0.5 / 20).margin(0.005));
  CHECK(interval.high == Approx(0.5 + 1.96 * 0.5 / 20).margin(0.005));
}

TEST_CASE("the same seed draws the same dialogues, another seed others") {
  const GroupFigure figure = alternating(0);
  const Interval first = Bootstrap(400, {.seed = 1}).interval(figure),
                 again = Bootstrap(400, {.seed = 1}).interval(figure);
  CHECK(first.low == again.low);
  CHECK(first.high == again.high);
  const Interval other = Bootstrap(400, {.seed = 2}).interval(figure);
  CHECK((first.low != other.low || first.high != other.high));
}

TEST_CASE("every draw has as many dialogues as the set") {
  const GroupFigure count = [](GroupWeights weights) {
    return static_cast<double>(std::accumulate(weights.begin(), weights.end(), 0));
  };
  const Interval interval = Bootstrap(7, {}).interval(count);
  CHECK(interval.low == 7);
  CHECK(interval.high == 7);
}

TEST_CASE("figures that are resampled together have the draws that each has alone") {
  const Bootstrap bootstrap(400, {.resamples = 20});
  const std::vector<GroupFigure> figures{alternating(0), alternating(0.3)};
  const std::vector<ResampledFigure> together = bootstrap.resample(figures);
  REQUIRE(together.size() == 2);
  for (std::size_t f = 0; f < 2; ++f) {
    CHECK(together[f].value == bootstrap.resample(figures[f]).value);
    CHECK(together[f].draws == bootstrap.resample(figures[f]).draws);
  }
}

TEST_CASE("two systems are compared on the same draws: what is common to both cancels") {
  const Bootstrap bootstrap(400);
  const Interval interval =
      bootstrap.difference(bootstrap.resample(alternating(0.1)), bootstrap.resample(alternating(0))).dialogues;
  CHECK(interval.value == Approx(0.1));
  CHECK(interval.low == Approx(0.1));
  CHECK(interval.high == Approx(0.1));
}

TEST_CASE("a system of several seeds is the mean of them on every draw") {
  const Bootstrap bootstrap(400);
  const std::vector<GroupFigure> seeds{alternating(0), alternating(0.3)}, one{alternating(0.15)};
  const Interval interval = bootstrap.difference(bootstrap.resample(seeds), bootstrap.resample(one)).dialogues;
  CHECK(interval.value == Approx(0).margin(1e-12));
  CHECK(interval.low == Approx(0).margin(1e-12));
  CHECK(interval.high == Approx(0).margin(1e-12));
}

TEST_CASE("rows of one dialogue are drawn together: a long dialogue weighs more and widens the interval") {
  // Two values in 20 rows: as 20 dialogues, and as two of ten rows each.
  std::vector<RatioCounts> rows, dialogues{{10, 10}, {0, 10}};
  for (int i = 0; i < 20; ++i) rows.push_back({i < 10 ? 1.0 : 0.0, 1});
  const Interval narrow = Bootstrap(20, {}).interval(ratio_figure(rows));
  const Interval wide = Bootstrap(2, {}).interval(ratio_figure(dialogues));
  CHECK(narrow.value == wide.value);
  CHECK(wide.low == Approx(0).margin(0.05));
  CHECK(wide.high == Approx(1).margin(0.05));
  CHECK(narrow.low > 0.2);
}

TEST_CASE("an interval lies around the value on the whole set though every draw is lower") {
  const GroupFigure distinct = [](GroupWeights weights) {
    double drawn = 0;
    for (const std::int32_t weight : weights) drawn += weight > 0;
    return drawn / static_cast<double>(weights.size());
  };
  const Bootstrap bootstrap(400);
  const ResampledFigure figure = bootstrap.resample(distinct);
  for (const double draw : figure.draws) CHECK(draw < 0.75);  // about 63 % of the dialogues are in a draw
  const Interval interval = bootstrap.interval(figure);
  CHECK(interval.value == 1);
  CHECK(interval.low < 1);
  CHECK(interval.high > 1);
  CHECK(interval.high - interval.low < 0.1);
}

TEST_CASE("an interval holds its value where nearly all draws are one number") {
  const GroupFigure nearly_always_one = [](GroupWeights weights) { return weights[0] > 3 ? 2.0 : 1.0; };
  const Bootstrap bootstrap(400, {.resamples = 1000});
  const ResampledFigure figure = bootstrap.resample(nearly_always_one);
  REQUIRE(std::count(figure.draws.begin(), figure.draws.end(), 2.0) > 0);
  const Interval interval = bootstrap.interval(figure);
  CHECK(interval.low < 1);
  CHECK(interval.high == 1);
}

TEST_CASE("a bootstrap without dialogues, runs or a sensible level is refused") {
  CHECK_THROWS_WITH(Bootstrap(0, {}), Catch::Contains("0 dialogues"));
  CHECK_THROWS_WITH(Bootstrap(3, {.resamples = 1}), Catch::Contains("1 resamples"));
  CHECK_THROWS_WITH(Bootstrap(3, {.level = 1}), Catch::Contains("level 1"));
  const std::vector<ResampledFigure> none;
  CHECK_THROWS_WITH(Bootstrap(3, {}).difference(none, none), Catch::Contains("without runs"));
}

TEST_CASE("Fleiss' kappa of the worked example with ten subjects and fourteen raters is .210") {
  const FleissKappa result = fleiss_kappa(fleiss_table);
  CHECK(result.observed == Approx(0.378).margin(5e-4));
  CHECK(result.expected == Approx(0.213).margin(5e-4));
  CHECK(result.kappa == Approx(0.210).margin(5e-4));
  const Interval interval = fleiss_kappa_interval(fleiss_table, {});
  CHECK(interval.value == result.kappa);
  CHECK(interval.low < result.kappa);
  CHECK(interval.high > result.kappa);
  CHECK(interval.low > -0.1);
  CHECK(interval.high < 0.6);
}

TEST_CASE("raters who always agree have kappa 1, and one category alone has none") {
  const std::vector<RatingCounts> agreed{{3, 0}, {0, 3}, {3, 0}};
  CHECK(fleiss_kappa(agreed).kappa == Approx(1));
  CHECK(fleiss_kappa_interval(agreed, {}).low == Approx(1));
  CHECK(std::isnan(fleiss_kappa(std::vector<RatingCounts>{{3, 0}, {3, 0}}).kappa));
}

TEST_CASE("kappa refuses subjects with other numbers of raters or categories, and names them") {
  CHECK_THROWS_WITH(fleiss_kappa(std::vector<RatingCounts>{{2, 1}, {1, 1}}),
                    Catch::Contains("subject 2 has 2 raters, wanted 3"));
  CHECK_THROWS_WITH(fleiss_kappa(std::vector<RatingCounts>{{2, 1}, {3}}),
                    Catch::Contains("subject 2 has 1 categories"));
  CHECK_THROWS_WITH(fleiss_kappa(std::vector<RatingCounts>{{1, 0}}), Catch::Contains("1 raters, wanted 2"));
  CHECK_THROWS_WITH(fleiss_kappa({}), Catch::Contains("no subjects"));
}
