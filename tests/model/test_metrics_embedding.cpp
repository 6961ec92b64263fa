// Embedding metrics, by hand: a = (1, 2), b = (2, −1), c = (1, 1), d = (−3, 2), candidate "a b", reference "c d".

#include "model/metrics/embedding.h"

#include <catch2/catch.hpp>

#include <vector>

using namespace ethreed;

namespace {

const std::vector<float> a{1, 2}, b{2, -1}, c{1, 1}, d{-3, 2};

}  // namespace

TEST_CASE("the average metric is the cosine of the sums") {
  CHECK(*emb_average({a, b}, {c, d}) == Approx(-0.263117).margin(6e-7));
}

TEST_CASE("the extrema metric takes the value of the largest magnitude of each dimension") {
  CHECK(*emb_extrema({a, b}, {c, d}) == Approx(-0.196116).margin(6e-7));
}

TEST_CASE("a dimension whose minimum is 0 has its maximum as extremum") {
  const std::vector<float> x{0, 1}, y{4, 1}, z{4, 1};
  CHECK(*emb_extrema({x, y}, {z}) == Approx(1));
}

TEST_CASE("the greedy metric is half of the mean best cosines of both directions") {
  CHECK(*emb_greedy({a, b}, {c, d}) == Approx(0.584407).margin(6e-7));
  CHECK(*emb_greedy({c, d}, {a, b}) == Approx(0.584407).margin(6e-7));
}

TEST_CASE("a reference without vectors gives no value, a candidate without them 0, and zero vectors 0") {
  const std::vector<float> zero{0, 0};
  for (const auto metric : {emb_average, emb_extrema, emb_greedy}) {
    CHECK(!metric({a}, {}));
    CHECK(!metric({}, {}));
    CHECK(*metric({}, {a}) == 0);
    CHECK(*metric({zero}, {a}) == 0);
  }
}

TEST_CASE("vectors of different widths are refused") {
  const std::vector<float> wide{1, 2, 3};
  CHECK_THROWS_WITH(emb_average({wide}, {a}), Catch::Contains("vectors of 3 and 2 numbers"));
}
