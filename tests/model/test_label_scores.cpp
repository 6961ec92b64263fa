// Which class is taken for which, and whether probabilities mean what they say.

#include "model/evaluation/label_scores.h"

#include "core/error.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <vector>

using namespace ethreed;

TEST_CASE("LabelScores has the confusion, the bins and the calibration error of an example worked by hand") {
  LabelScores scores(3, 10);
  scores.add(std::vector{0.95, 0.03, 0.02}, 0);  // right, .95
  scores.add(std::vector{0.93, 0.04, 0.03}, 1);  // wrong, .93
  scores.add(std::vector{0.3, 0.6, 0.1}, 1);     // right, .60: the upper end of (.5, .6]
  scores.add(std::vector{0.2, 0.25, 0.55}, 0);   // wrong, .55
  scores.add(std::vector{0.0, 0.0, 1.0}, -1);    // no label
  CHECK(scores.count() == 4);
  CHECK(scores.taken(0, 0) == 1);
  CHECK(scores.taken(1, 0) == 1);
  CHECK(scores.taken(1, 1) == 1);
  CHECK(scores.taken(0, 2) == 1);
  CHECK(scores.taken(2, 2) == 0);
  CHECK(scores.accuracy() == 0.5);
  CHECK(scores.mean_confidence() == Approx((0.95 + 0.93 + 0.6 + 0.55) / 4));
  const std::vector<LabelScores::Bin> bins = scores.bins();
  REQUIRE(bins.size() == 10);
  CHECK(bins[9].count == 2);
  CHECK(bins[9].confidence == Approx(0.94));
  CHECK(bins[9].accuracy == 0.5);
  CHECK(bins[5].count == 2);
  CHECK(bins[5].confidence == Approx(0.575));
  CHECK(bins[5].accuracy == 0.5);
  // 2/4 · |.5 − .94| + 2/4 · |.5 − .575|
  CHECK(scores.calibration_error() == Approx(0.5 * 0.44 + 0.5 * 0.075));
}

TEST_CASE("LabelScores of nothing are no numbers, and what is out of range is refused") {
  LabelScores scores(2);
  CHECK(std::isnan(scores.accuracy()));
  CHECK(std::isnan(scores.mean_confidence()));
  CHECK(std::isnan(scores.calibration_error()));
  CHECK_THROWS_AS(scores.add(std::vector{1.0}, 0), Error);
  CHECK_THROWS_AS(scores.add(std::vector{0.5, 0.5}, 2), Error);
  CHECK_THROWS_AS(LabelScores(0), Error);
  CHECK_THROWS_AS(LabelScores(2, 0), Error);
}
