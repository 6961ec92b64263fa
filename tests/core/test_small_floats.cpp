// Numbers of 16 bits: their values, and how a float is rounded to them.

#include "core/small_floats.h"

#include <catch2/catch.hpp>

#include <bit>
#include <cmath>
#include <limits>

using namespace ethreed;

namespace {

using Widen = float (*)(std::uint16_t);
using Round = std::uint16_t (*)(float);

// The even one of the two nearest of all finite numbers of the type, by trying its neighbours.
void check_rounding(Widen widen, Round round, float x) {
  const std::uint16_t got = round(x);
  const double far = std::abs(double{widen(got)} - double{x});
  for (const int step : {-1, 1}) {
    const int bits = (got & 0x7FFF) + step;
    if (bits < 0) continue;
    const float neighbour = widen(static_cast<std::uint16_t>(bits | (got & 0x8000)));
    if (!std::isfinite(neighbour)) continue;
    const double other = std::abs(double{neighbour} - double{x});
    INFO(x << " became " << widen(got) << ", beside " << neighbour);
    CHECK((far < other || (far == other && got % 2 == 0)));
  }
}

}  // namespace

TEST_CASE("every number of 16 bits is the float that its format says, and comes back from it") {
  CHECK(float_of_half(0x0000) == 0.0F);
  CHECK(std::signbit(float_of_half(0x8000)));
  CHECK(float_of_half(0x3C00) == 1.0F);
  CHECK(float_of_half(0xC000) == -2.0F);
  CHECK(float_of_half(0x3555) == 0.333251953125F);
  CHECK(float_of_half(0x7BFF) == 65504.0F);
  CHECK(float_of_half(0x0001) == 0x1p-24F);
  CHECK(float_of_half(0x83FF) == -0x3FFp-24F);
  CHECK(float_of_half(0x0400) == 0x1p-14F);
  CHECK(std::isinf(float_of_half(0x7C00)));
  CHECK(std::isnan(float_of_half(0x7C01)));
  CHECK(float_of_bfloat16(0x3F80) == 1.0F);
  CHECK(float_of_bfloat16(0xC049) == -3.140625F);
  CHECK(std::isinf(float_of_bfloat16(0x7F80)));
  CHECK(std::isnan(float_of_bfloat16(0x7FC0)));
  bool same = true;
  for (int i = 0; i < 0x10000; ++i) {
    const auto bits = static_cast<std::uint16_t>(i);
    const float half = float_of_half(bits), upper = float_of_bfloat16(bits);
    same = same && (std::isnan(half) ? std::isnan(float_of_half(half_of_float(half))) : half_of_float(half) == bits);
    same = same && (std::isnan(upper) ? std::isnan(float_of_bfloat16(bfloat16_of_float(upper)))
                                      : bfloat16_of_float(upper) == bits);
  }
  CHECK(same);
}

TEST_CASE("a float is rounded to the nearest number of 16 bits, ties to even, and overflows to infinity") {
  CHECK(half_of_float(2049.0F) == half_of_float(2048.0F));  // half-way, down to even
  CHECK(half_of_float(2051.0F) == half_of_float(2052.0F));  // half-way, up to even
  CHECK(half_of_float(65519.0F) == 0x7BFF);
  CHECK(half_of_float(65520.0F) == 0x7C00);
  CHECK(half_of_float(-1e6F) == 0xFC00);
  CHECK(half_of_float(0x1p-25F) == 0);                       // half of the smallest, down to even
  CHECK(half_of_float(0x1.8p-24F) == 2);                     // 1.5 of it, up to even
  CHECK(half_of_float(-0x1.FFFp-15F) == (0x8000 | 0x0400));  // up to the smallest normal number
  CHECK(half_of_float(-1e-30F) == 0x8000);
  CHECK(bfloat16_of_float(0x1.01p0F) == 0x3F80);
  CHECK(bfloat16_of_float(0x1.03p0F) == 0x3F82);
  CHECK(bfloat16_of_float(std::numeric_limits<float>::max()) == 0x7F80);
  CHECK(bfloat16_of_float(-0x1.FEp127F) == 0xFF7F);
  std::uint32_t state = 1;
  for (int i = 0; i < 20'000; ++i) {
    state = state * 1664525U + 1013904223U;
    const auto x = std::bit_cast<float>(state);
    if (std::isfinite(float_of_bfloat16(bfloat16_of_float(x)))) check_rounding(float_of_bfloat16, bfloat16_of_float, x);
    const float y = std::ldexp(1.0F + static_cast<float>(state >> 8) * 0x1p-24F, static_cast<int>(state % 40) - 25);
    if (y < 65520) check_rounding(float_of_half, half_of_float, state % 2 == 0 ? y : -y);
  }
}
