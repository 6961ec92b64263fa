#include "core/arena.h"

#include <catch2/catch.hpp>

#include <utility>
#include <vector>

using namespace ethreed;

TEST_CASE("arena memory is 64-byte aligned and pieces do not overlap") {
  Arena arena(256);
  std::vector<std::pair<char*, std::int64_t>> pieces;
  for (const std::int64_t count : {1, 63, 64, 65, 1000, 0, 7}) {
    char* piece = arena.allocate<char>(count);
    CHECK(reinterpret_cast<std::uintptr_t>(piece) % alignment_bytes == 0);
    std::fill_n(piece, count, static_cast<char>(pieces.size()));
    pieces.emplace_back(piece, count);
  }
  for (std::size_t i = 0; i < pieces.size(); ++i)
    CHECK(std::count(pieces[i].first, pieces[i].first + pieces[i].second, static_cast<char>(i)) == pieces[i].second);
  double* zeros = arena.allocate_zero<double>(100);
  CHECK(std::all_of(zeros, zeros + 100, [](double x) { return x == 0.0; }));
}

TEST_CASE("a repeated round of the same allocations takes no more memory and gives the same addresses") {
  Arena arena(128);
  const auto round = [&] {
    std::vector<const void*> places;
    for (std::int64_t count = 1; count < 5000; count *= 3) places.push_back(arena.allocate<float>(count));
    return places;
  };
  round();
  arena.reset();
  const std::size_t reserved = arena.reserved_bytes();
  const auto second = round();
  CHECK(arena.reserved_bytes() == reserved);
  arena.reset();
  CHECK(round() == second);
  CHECK(arena.reserved_bytes() == reserved);
}

TEST_CASE("the end of an arena scope frees what the scope took, across blocks, and nothing else") {
  Arena arena(128);
  std::int32_t* kept = arena.allocate<std::int32_t>(4);
  std::fill_n(kept, 4, 42);
  const void* first = nullptr;
  for (int repeat = 0; repeat < 3; ++repeat) {
    ArenaScope scope(arena);
    void* piece = scope.allocate<char>(64);
    if (repeat == 0) first = piece;
    CHECK(piece == first);
    std::fill_n(scope.allocate<char>(10000), 10000, 'x');
  }
  CHECK(std::all_of(kept, kept + 4, [](std::int32_t x) { return x == 42; }));
}

TEST_CASE("an arena knows the most bytes it ever had in use") {
  Arena arena(1 << 16);
  {
    ArenaScope scope(arena);
    scope.allocate<char>(1024);
  }
  arena.allocate<char>(64);
  CHECK(arena.peak_bytes() == 1024);
}

TEST_CASE("an arena refuses a negative count") {
  Arena arena;
  CHECK_THROWS_WITH(arena.allocate<float>(-1), Catch::Contains("negative count -1"));
}
