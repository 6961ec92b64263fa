// Figures of the classes that a classifier gives to replies, by hand.

#include "model/metrics/classes.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <vector>

using namespace ethreed;
using Labels = std::vector<std::int32_t>;

TEST_CASE("two lists of classes agree by the share of rows where both are known and equal") {
  CHECK(class_agreement(Labels{1, 2, 3, -1}, Labels{1, 2, 0, 3}) == Approx(2.0 / 3));
  CHECK(std::isnan(class_agreement(Labels{-1}, Labels{0})));
  CHECK_THROWS_WITH(class_agreement(Labels{1}, Labels{}), Catch::Contains("1 and 0 labels"));
}

TEST_CASE("shares of classes leave unknown labels out and refuse labels beyond the classes") {
  CHECK(class_shares(Labels{0, 1, 1, -1, 2}, 4) == std::vector<double>{0.25, 0.5, 0.25, 0});
  CHECK(class_shares(Labels{}, 2) == std::vector<double>{0, 0});
  CHECK_THROWS_WITH(class_shares(Labels{4}, 4), Catch::Contains("label 4, wanted 0 to 3"));
}

TEST_CASE("the Jensen-Shannon divergence is 0 of equal and log 2 of disjoint shares, in nats") {
  const std::vector<double> p{0.5, 0.5, 0}, q{0, 0, 1}, r{1, 0, 0};
  CHECK(jensen_shannon(p, p) == 0);
  CHECK(jensen_shannon(p, q) == Approx(std::log(2.0)));
  // m = (.75, .25, 0): ½ (.5 ln(.5/.75) + .5 ln(.5/.25)) + ½ ln(1/.75)
  CHECK(jensen_shannon(p, r) ==
        Approx(0.5 * (0.5 * std::log(2.0 / 3) + 0.5 * std::log(2.0)) + 0.5 * std::log(4.0 / 3)));
  CHECK(jensen_shannon(p, r) == jensen_shannon(r, p));
}

TEST_CASE("a class that only humans have costs about 20 nats times its share") {
  CHECK(smoothed_divergence(std::vector<double>{0.5, 0.3, 0.2}, std::vector<double>{0.6, 0.4, 0}) ==
        Approx(4.105817).margin(6e-7));
}

TEST_CASE("the divergence of intents is the mean over emotions with replies, and counts zero cells") {
  // Emotion 0: human (.5, .3, .2), model (.6, .4, 0) of ten rows; emotion 1: equal; emotion 2: no rows.
  Labels emotion(12, 0), human{0, 0, 0, 0, 0, 1, 1, 1, 2, 2, 2, 0}, model{0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 0};
  emotion[10] = emotion[11] = 1;
  const IntentDivergence result = intent_divergence(emotion, human, model, 3, 3);
  CHECK(result.emotions == 2);
  CHECK(result.mean == Approx(4.105817 / 2).margin(6e-7));
  CHECK(result.zero_cells == 1);
  CHECK(std::isnan(intent_divergence(Labels{-1}, Labels{0}, Labels{0}, 3, 3).mean));
}
