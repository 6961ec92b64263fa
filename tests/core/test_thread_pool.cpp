#include "core/thread_pool.h"

#include "core/error.h"

#include <catch2/catch.hpp>

#include <atomic>

using namespace ethreed;

TEST_CASE("a thread pool runs every chunk exactly once, job after job") {
  for (const int threads : {1, 2, 4}) {
    ThreadPool pool(threads);
    for (int job = 0; job < 300; ++job) {
      const std::int64_t chunks = job % 17;
      std::vector<std::atomic<int>> runs(17);
      pool.parallel_for(chunks, [&](std::int64_t i) { ++runs[static_cast<std::size_t>(i)]; });
      for (std::int64_t i = 0; i < 17; ++i) REQUIRE(runs[static_cast<std::size_t>(i)] == (i < chunks ? 1 : 0));
    }
  }
}

TEST_CASE("parallel ranges cover the whole and are cut by its size alone") {
  const auto cuts = [](int threads) {
    ThreadPool pool(threads);
    std::vector<std::int64_t> end_of(10, 0);
    pool.parallel_ranges(10, 4,
                         [&](std::int64_t begin, std::int64_t end) { end_of[static_cast<std::size_t>(begin)] = end; });
    return end_of;
  };
  CHECK(cuts(1) == std::vector<std::int64_t>{4, 0, 0, 0, 8, 0, 0, 0, 10, 0});
  CHECK(cuts(3) == cuts(1));
}

TEST_CASE("an exception in a chunk reaches the caller and the pool works on") {
  ThreadPool pool(3);
  std::atomic<int> done{0};
  const auto body = [&](std::int64_t i) {
    if (i == 5) fail("chunk {} broke", i);
    ++done;
  };
  CHECK_THROWS_WITH(pool.parallel_for(20, body), "chunk 5 broke");
  CHECK(done == 19);
  pool.parallel_for(20, [&](std::int64_t) { ++done; });
  CHECK(done == 39);
}

TEST_CASE("a parallel region inside a chunk runs serially on the thread of the chunk") {
  ThreadPool pool(2);
  std::atomic<int> runs{0};
  std::atomic<bool> same_thread{true};
  pool.parallel_for(4, [&](std::int64_t) {
    const auto thread = std::this_thread::get_id();
    pool.parallel_for(8, [&](std::int64_t) {
      ++runs;
      if (std::this_thread::get_id() != thread) same_thread = false;
    });
  });
  CHECK(runs == 32);
  CHECK(same_thread);
}

TEST_CASE("a thread pool refuses impossible numbers of threads") {
  CHECK_THROWS_WITH(ThreadPool(0), Catch::Contains("got 0 threads"));
  CHECK_THROWS_WITH(ThreadPool(1025), Catch::Contains("got 1025 threads"));
}
