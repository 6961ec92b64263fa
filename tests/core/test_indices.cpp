#include "core/indices.h"

#include <catch2/catch.hpp>

#include <array>
#include <numeric>
#include <span>
#include <vector>

using namespace ethreed;

namespace {

// A container of a size that no test can allocate.
struct Endless {
  std::size_t size() const { return std::size_t{1} << 31; }
};

int sum_of(Indices indices) { return std::accumulate(indices.begin(), indices.end(), 0); }
std::size_t bytes_in(std::span<const std::int32_t> values) { return values.size_bytes(); }

static_assert(std::ranges::contiguous_range<Indices> && std::ranges::view<Indices>);
static_assert(std::is_convertible_v<Span<std::int32_t>, Indices>);
static_assert(!std::is_convertible_v<Indices, Span<std::int32_t>>);
static_assert(!std::is_convertible_v<std::vector<std::int64_t>, Indices>);
// A Span that can be written through does not keep hold of a container that is about to go.
static_assert(!std::is_convertible_v<std::vector<std::int32_t>&&, Span<std::int32_t>>);

}  // namespace

TEST_CASE("Indices see the elements of a vector, an array, a span and a pointer, without a copy") {
  const std::vector<std::int32_t> vector{3, 5, 7};
  const std::array<std::int32_t, 3> array{3, 5, 7};
  const Indices views[] = {vector, array, std::span(vector), Indices(array.data(), 3)};
  for (const Indices view : views) {
    CHECK(view.size() == 3);
    CHECK(view[1] == 5);
    CHECK(view.front() == 3);
    CHECK(view.back() == 7);
    CHECK(sum_of(view) == 15);
    CHECK(bytes_in(view) == 12);
    CHECK((view.data() == vector.data() || view.data() == array.data()));
  }
  CHECK(Indices().empty());
  CHECK(Indices(std::vector<std::int32_t>{}).size() == 0);
}

TEST_CASE("pieces of a Span start where they say, and writing through one writes the array") {
  std::vector<double> values{0, 1, 2, 3, 4};
  const Span<double> all = values;
  CHECK(all.first(2).back() == 1);
  CHECK(all.last(2).front() == 3);
  CHECK(all.subspan(1, 3).data() == &values[1]);
  CHECK(all.subspan(3).front() == 3);
  CHECK(all.subspan(5).empty());
  all.subspan(2, 1)[0] = -1;
  CHECK(values == std::vector<double>{0, 1, -1, 3, 4});
}

TEST_CASE("a count above what an int holds is refused, not cut") {
  CHECK(count_of(std::vector<int>(3)) == 3);
  CHECK_THROWS_WITH(count_of(Endless{}), "count_of: 2147483648 elements, at most 2^31 - 1 can be numbered");
  // The span is never read.
  const std::int32_t element = 0;
  const std::span<const std::int32_t> endless(&element, std::size_t{1} << 32);
  CHECK_THROWS_AS(Indices(endless), Error);
  CHECK(bytes_of<double>(std::int64_t{1} << 31) == std::size_t{1} << 34);
}

#ifndef NDEBUG
TEST_CASE("a subscript or a piece out of range is found in builds with assertions") {
  const std::vector<std::int32_t> vector{3, 5, 7};
  const Indices view = vector;
  CHECK_THROWS_AS(view[3], Error);
  CHECK_THROWS_AS(view[-1], Error);
  CHECK_THROWS_AS(view.subspan(2, 2), Error);
  CHECK_THROWS_AS(view.subspan(-1, 1), Error);
  CHECK_THROWS_AS(Indices().front(), Error);
}
#endif
