// What is special about draws and their noise; the table test holds them against their reference.
#include "kernels/categorical_sample/categorical_sample.h"
#include "kernels/common/operation.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <limits>
#include <vector>

using namespace ethreed;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity(),
                 no_number = std::numeric_limits<double>::quiet_NaN();

template <class T> std::vector<std::int32_t> draw(const std::vector<T>& row, int rows, const PhiloxStream& random) {
  Runtime runtime(2);
  Context context = runtime.context();
  std::vector<T> all;
  for (int i = 0; i < rows; ++i) all.insert(all.end(), row.begin(), row.end());
  std::vector<std::int32_t> index(static_cast<std::size_t>(rows), -7);
  categorical_sample<T>(
      context,
      {.rows = rows, .columns = count_of(row), .random = random, .log_probability = all.data(), .index = index.data()});
  return index;
}

template <class T> std::vector<T> noise(std::int64_t count, const PhiloxStream& random) {
  Runtime runtime(2);
  Context context = runtime.context();
  std::vector<T> out(static_cast<std::size_t>(count));
  fill_gumbel<T>(context, {.count = count, .random = random, .out = out.data()});
  return out;
}

}  // namespace

TEST_CASE("categorical_sample draws every column as often as its probability says, of probabilities and of logits") {
  constexpr int draws = 40'000;
  const std::vector<double> probability{0.5, 0.05, 0.0, 0.25, 0.2};
  for (const double offset : {0.0, 30.0}) {
    std::vector<double> row;
    for (const double p : probability) row.push_back(std::log(p) + offset);
    std::vector<double> times(row.size(), 0.0);
    for (const std::int32_t k : draw(row, draws, {20240229, 3})) ++times.at(static_cast<std::size_t>(k));
    double squares = 0;  // χ² of 3 degrees of freedom: above 16.3 once in a thousand
    for (std::size_t k = 0; k < row.size(); ++k) {
      const double wanted = probability[k] * draws;
      if (wanted > 0) squares += (times[k] - wanted) * (times[k] - wanted) / wanted;
    }
    CHECK(times[2] == 0);
    CHECK(squares < 16.3);
  }
}

TEST_CASE("categorical_sample is the place of the largest sum of log-probability and the noise of fill_gumbel") {
  constexpr int columns = 37, rows = 50;
  const PhiloxStream random(5, 9);
  const Tensor<double> row = random_tensor<double>({columns}, 1, 0);
  const std::vector<double> added = noise<double>(rows * columns, random);
  const auto drawn = draw<double>({row.data(), row.data() + columns}, rows, random);
  for (std::size_t i = 0; i < rows; ++i) {
    std::size_t first = 0;
    for (std::size_t k = 1; k < columns; ++k)
      if (row[static_cast<std::int64_t>(k)] + added[i * columns + k] >
          row[static_cast<std::int64_t>(first)] + added[i * columns + first])
        first = k;
    CHECK(drawn[i] == static_cast<std::int32_t>(first));
  }
}

TEST_CASE("minus infinity and NaN are never drawn, of infinities the first is, and where nothing is left −1") {
  CHECK(draw<double>({-infinity, no_number, -2, -infinity}, 3, {1, 1}) == std::vector<std::int32_t>{2, 2, 2});
  CHECK(draw<float>({3, static_cast<float>(infinity), 2, static_cast<float>(infinity)}, 2, {1, 1}) ==
        std::vector<std::int32_t>{1, 1});
  CHECK(draw<float>({static_cast<float>(-infinity), static_cast<float>(no_number)}, 2, {1, 1}) ==
        std::vector<std::int32_t>{-1, -1});
  CHECK(draw<double>({}, 2, {1, 1}) == std::vector<std::int32_t>{-1, -1});
}

TEST_CASE("draws are a function of seed, stream and row: other seeds and streams draw others") {
  const std::vector<double> row(11, 0.0);
  const auto drawn = draw(row, 60, {1, 2});
  CHECK(draw(row, 60, {1, 2}) == drawn);
  CHECK(draw(row, 60, {2, 2}) != drawn);
  CHECK(draw(row, 60, {1, 3}) != drawn);
  CHECK(draw(row, 40, {1, 2}) == std::vector(drawn.begin(), drawn.begin() + 40));
}

TEST_CASE("fill_gumbel has the mean and the variance of Gumbel's distribution, and never an infinity") {
  const std::vector<double> numbers = noise<double>(100'000, {7, 1});
  double mean = 0, square = 0;
  for (const double g : numbers) {
    REQUIRE(g > -3.2);
    REQUIRE(g < 23.0);
    mean += g / 1e5;
  }
  for (const double g : numbers) square += (g - mean) * (g - mean) / 1e5;
  CHECK(mean == Approx(0.5772156649).margin(0.02));    // Euler's constant
  CHECK(square == Approx(1.6449340668).margin(0.05));  // π²/6
  const std::vector<float> single = noise<float>(1000, {7, 1});
  for (std::size_t i = 0; i < 1000; ++i) CHECK(single[i] == static_cast<float>(numbers[i]));
  for (std::uint64_t i = 0; i < 9; ++i)
    CHECK(numbers[i] == -std::log(-std::log((PhiloxStream(7, 1).word(i) + 0.5) / 4294967296.0)));
}
