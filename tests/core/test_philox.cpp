#include "core/philox.h"

#include <catch2/catch.hpp>

using namespace ethreed;

TEST_CASE("philox4x32 with ten rounds gives the known answers published with Random123") {
  CHECK(philox4x32({0, 0, 0, 0}, {0, 0}) == PhiloxBlock{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  CHECK(philox4x32({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}) ==
        PhiloxBlock{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
        PhiloxBlock{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("normal numbers of a philox stream have the moments of N(0, 1)") {
  const PhiloxStream random(7, 3);
  constexpr int count = 200000;
  double sum = 0, squares = 0, fourth = 0, neighbours = 0, last = 0;
  for (int i = 0; i < count; ++i) {
    const double x = random.normal(static_cast<std::uint64_t>(i));
    sum += x;
    squares += x * x;
    fourth += x * x * x * x;
    neighbours += x * last;
    last = x;
  }
  // Five standard errors each: 1/√n, √(2/n), √(96/n), 1/√n.
  CHECK(sum / count == Approx(0.0).margin(0.012));
  CHECK(squares / count == Approx(1.0).margin(0.016));
  CHECK(fourth / count == Approx(3.0).margin(0.11));
  CHECK(neighbours / count == Approx(0.0).margin(0.012));
}

TEST_CASE("a philox stream depends on seed, stream and index and on nothing else") {
  const PhiloxStream random(11, 5);
  CHECK(random.word(1000) == PhiloxStream(11, 5).word(1000));
  CHECK(random.word(1000) != PhiloxStream(12, 5).word(1000));
  CHECK(random.word(1000) != PhiloxStream(11, 6).word(1000));
  CHECK(random.word(1000) != random.word(1001));
  CHECK(PhiloxStream(11, std::uint64_t{5} << 32).word(0) != random.word(0));
}

TEST_CASE("uniform numbers and bounded integers stay in their ranges and fill them evenly") {
  const PhiloxStream random(1, 2);
  std::array<int, 10> bins{};
  for (std::uint64_t i = 0; i < 100000; ++i) {
    const double u = random.uniform(i);
    REQUIRE((u >= 0.0 && u < 1.0));
    const std::uint64_t k = random.below(10, i);
    REQUIRE(k < 10);
    ++bins[k];
  }
  for (const int bin : bins) CHECK(bin == Approx(10000).margin(500));
}
