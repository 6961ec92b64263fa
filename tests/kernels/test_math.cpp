#include "kernels/common/math.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace {

using namespace ethreed;

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();

// Kept out of line: scalars as a kernel calls them one by one, loops as the compiler vectorises them. Inlined, the
// compiler could evaluate either at compile time.
[[gnu::noinline]] float scalar_exp(float x) { return math::exp(x); }
[[gnu::noinline]] float scalar_tanh(float x) { return math::tanh(x); }
[[gnu::noinline]] float scalar_sigmoid(float x) { return math::sigmoid(x); }
[[gnu::noinline]] float scalar_gelu(float x) { return math::gelu(x); }
[[gnu::noinline]] void loop_exp(const float* x, float* y, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) y[i] = math::exp(x[i]);
}
[[gnu::noinline]] void loop_tanh(const float* x, float* y, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) y[i] = math::tanh(x[i]);
}
[[gnu::noinline]] void loop_sigmoid(const float* x, float* y, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) y[i] = math::sigmoid(x[i]);
}
[[gnu::noinline]] void loop_gelu(const float* x, float* y, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) y[i] = math::gelu(x[i]);
}

/// Distance in units of the last place of the nearest float.
double ulps(float got, double want) {
  const float nearest = std::fabs(static_cast<float>(want));
  const double unit = static_cast<double>(std::nextafter(nearest, infinity)) - static_cast<double>(nearest);
  return std::fabs(static_cast<double>(got) - want) / unit;
}

/// The worst distance over evenly spaced x, and that none is NaN.
template <class Function, class Truth> double worst_ulps(Function function, Truth truth, double from, double to) {
  double worst = 0;
  for (int i = 0; i <= 400'000; ++i) {
    const auto x = static_cast<float>(from + (to - from) * i / 400'000);
    const double distance = ulps(function(x), truth(static_cast<double>(x)));
    worst = std::isnan(distance) ? infinity : std::max(worst, distance);
  }
  return worst;
}

double exact_exp(double x) { return std::exp(x); }
double exact_tanh(double x) { return std::tanh(x); }
double exact_gelu(double x) { return 0.5 * x * std::erfc(-x / std::sqrt(2.0)); }
double exact_sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }

bool same_bits(float a, float b) { return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b); }

}  // namespace

TEST_CASE("float exp is within 1.2 ulp of the exact value over its whole range") {
  CHECK(worst_ulps(scalar_exp, exact_exp, -86.98, 88.72) < 1.2);
  CHECK(worst_ulps(scalar_exp, exact_exp, -1.0, 1.0) < 1.2);
  CHECK(scalar_exp(0.0F) == 1.0F);
  CHECK(scalar_exp(-0.0F) == 1.0F);
}

TEST_CASE("float exp overflows to infinity, underflows to exactly zero and keeps NaN") {
  CHECK(std::isfinite(scalar_exp(88.72283F)));
  CHECK(ulps(scalar_exp(88.72283F), std::exp(static_cast<double>(88.72283F))) < 1.0);
  CHECK(scalar_exp(88.73F) == infinity);
  CHECK(scalar_exp(89.08F) == infinity);  // 2^{k−1} itself is infinite
  CHECK(scalar_exp(89.5F) == infinity);
  CHECK(scalar_exp(1e30F) == infinity);
  CHECK(scalar_exp(infinity) == infinity);
  CHECK(scalar_exp(-86.98F) > 0.0F);
  CHECK(same_bits(scalar_exp(-87.0F), 0.0F));
  CHECK(same_bits(scalar_exp(-87.6F), 0.0F));
  CHECK(same_bits(scalar_exp(-1e30F), 0.0F));
  CHECK(same_bits(scalar_exp(-infinity), 0.0F));
  CHECK(std::isnan(scalar_exp(not_a_number)));
  CHECK(std::isnan(scalar_exp(-not_a_number)));
}

TEST_CASE("float exp never decreases where its pieces join") {
  for (int k = -125; k <= 127; ++k) {
    auto x = static_cast<float>((k + 0.5) * std::log(2.0));  // where the reduction moves on to the next power of two
    for (int i = 0; i < 8; ++i) x = std::nextafter(x, -infinity);
    for (int i = 0; i < 16; ++i) {
      const float next = std::nextafter(x, infinity);
      // Each side may be off by an ulp or two, in opposite directions.
      REQUIRE(scalar_exp(next) >= scalar_exp(x) * (1.0F - 4e-7F));
      x = next;
    }
  }
}

TEST_CASE("float tanh is within 2.5 ulp, odd, bounded by 1, and keeps NaN") {
  CHECK(worst_ulps(scalar_tanh, exact_tanh, -12.0, 12.0) < 2.5);
  CHECK(worst_ulps(scalar_tanh, exact_tanh, -1e-2, 1e-2) < 2.5);
  for (const float x : {1e-30F, 0.1F, 0.624999F, 0.625F, 0.625001F, 3.0F, 9.9F, 10.1F, 88.0F})
    CHECK(same_bits(scalar_tanh(-x), -scalar_tanh(x)));
  CHECK(scalar_tanh(-0.0F) == 0.0F);
  CHECK(scalar_tanh(50.0F) == 1.0F);
  CHECK(scalar_tanh(infinity) == 1.0F);
  CHECK(scalar_tanh(-infinity) == -1.0F);
  CHECK(std::isnan(scalar_tanh(not_a_number)));
}

TEST_CASE("float sigmoid is within 3 ulp, saturates at 0 and 1, and keeps NaN") {
  CHECK(worst_ulps(scalar_sigmoid, exact_sigmoid, -86.9, 30.0) < 3.0);
  CHECK(scalar_sigmoid(0.0F) == 0.5F);
  CHECK(scalar_sigmoid(40.0F) == 1.0F);
  CHECK(scalar_sigmoid(infinity) == 1.0F);
  CHECK(scalar_sigmoid(-80.0F) > 0.0F);
  CHECK(scalar_sigmoid(-infinity) == 0.0F);
  CHECK(std::isnan(scalar_sigmoid(not_a_number)));
}

TEST_CASE("float GELU is within 5 ulp above 0 and 6e-6 of itself below, fades to 0, and keeps NaN") {
  CHECK(worst_ulps(scalar_gelu, exact_gelu, 1e-6, 12.0) < 5.0);
  CHECK(worst_ulps(scalar_gelu, exact_gelu, -1e-2, -1e-6) < 5.0);
  double worst = 0;
  for (float x = -5.6F; x < 0; x += 1e-5F)
    worst = std::max(worst, std::abs(static_cast<double>(scalar_gelu(x)) / exact_gelu(static_cast<double>(x)) - 1));
  CHECK(worst < 6e-6);
  for (float x = -30; x < -5.6F; x += 1e-3F) REQUIRE((scalar_gelu(x) <= 0 && scalar_gelu(x) > -7e-8F));
  CHECK(scalar_gelu(0.0F) == 0.0F);
  CHECK(scalar_gelu(-30.0F) == 0.0F);
  CHECK(scalar_gelu(-3e38F) == 0.0F);
  CHECK(scalar_gelu(3e38F) == 3e38F);
  CHECK(scalar_gelu(infinity) == infinity);
  CHECK(std::isnan(scalar_gelu(not_a_number)));
}

TEST_CASE("a lane of a vectorised loop gives the bits of the scalar function") {
  std::vector<float> x{not_a_number, infinity, -infinity, 0.0F, -0.0F, 88.8F, -87.4F};
  for (int i = 0; i < 100'003; ++i) x.push_back(static_cast<float>(-100.0 + 0.002 * i));
  std::vector<float> y(x.size());
  const auto agrees = [&](auto loop, auto scalar) {
    loop(x.data(), y.data(), x.size());
    for (std::size_t i = 0; i < x.size(); ++i)
      if (!(std::isnan(y[i]) && std::isnan(scalar(x[i]))) && !same_bits(y[i], scalar(x[i]))) return false;
    return true;
  };
  CHECK(agrees(loop_exp, scalar_exp));
  CHECK(agrees(loop_tanh, scalar_tanh));
  CHECK(agrees(loop_sigmoid, scalar_sigmoid));
  CHECK(agrees(loop_gelu, scalar_gelu));
}

TEMPLATE_TEST_CASE("log_sigmoid is finite and exact far from 0", "", float, double) {
  const auto tolerance = static_cast<double>(4 * std::numeric_limits<TestType>::epsilon());
  for (const double x : {-1000.0, -80.0, -20.0, -1.0, 0.0, 1.0, 5.0, 20.0, 80.0}) {
    const auto want = static_cast<double>(-std::log1p(std::exp(static_cast<long double>(-x))));
    CHECK(static_cast<double>(math::log_sigmoid(static_cast<TestType>(x))) ==
          Approx(want).epsilon(tolerance).margin(0));
  }
  CHECK(math::log_sigmoid(TestType{1000}) == 0);
}

TEMPLATE_TEST_CASE("log_add_exp takes minus infinity on either side", "", float, double) {
  constexpr TestType low = -std::numeric_limits<TestType>::infinity();
  CHECK(math::log_add_exp(low, TestType{-3}) == -3);
  CHECK(math::log_add_exp(TestType{-3}, low) == -3);
  CHECK(math::log_add_exp(low, low) == low);
  CHECK(static_cast<double>(math::log_add_exp(TestType{-1000}, TestType{-1000})) == Approx(-1000 + std::log(2.0)));
  CHECK(static_cast<double>(math::log_add_exp(TestType{2}, TestType{1})) ==
        Approx(std::log(std::exp(2.0) + std::exp(1.0))));
}

TEMPLATE_TEST_CASE("log_sum_exp equals the sum in long double for every length up to three rounds of its lanes", "",
                   float, double) {
  const auto tolerance = static_cast<double>(16 * std::numeric_limits<TestType>::epsilon());
  for (int n = 1; n <= 192; ++n) {
    std::vector<TestType> x;
    for (int i = 0; i < n; ++i) x.push_back(static_cast<TestType>(500.0 + 3.0 * std::sin(1.7 * i * n)));
    long double sum = 0;
    for (const TestType value : x) sum += std::exp(static_cast<long double>(value) - static_cast<long double>(x[0]));
    const math::LogSumExp<TestType> got = math::log_sum_exp(x.data(), n);
    CHECK(got.max == *std::max_element(x.begin(), x.end()));
    const double log_sum =
        static_cast<double>(std::log(sum) + static_cast<long double>(x[0])) - static_cast<double>(got.max);
    CHECK(static_cast<double>(got.log_sum) == Approx(log_sum).margin(tolerance * 10));
  }
}

TEMPLATE_TEST_CASE("log_sum_exp ignores minus infinity and shows NaN wherever it stands", "", float, double) {
  constexpr std::size_t count = 100;  // one round of the lanes, and some that begin another
  for (std::size_t i = 0; i < count; ++i) {
    std::vector<TestType> x(count, -std::numeric_limits<TestType>::infinity());
    x[i] = 7;
    CHECK(math::log_sum_exp(x.data(), count).value() == 7);
    std::vector<TestType> broken(count, TestType{1});
    broken[i] = std::numeric_limits<TestType>::quiet_NaN();
    CHECK(std::isnan(math::log_sum_exp(broken.data(), count).value()));
  }
}
