#include "core/thread_pool.h"

#include "core/error.h"

#include <catch2/catch.hpp>

#include <array>
#include <atomic>
#include <csignal>
#include <cstdint>
#include <thread>

using namespace ethreed;

TEST_CASE("a thread pool runs every chunk exactly once, job after job") {
  for (const int threads : {1, 2, 4}) {
    ThreadPool pool(threads);
    for (int job = 0; job < 300; ++job) {
      const std::int64_t chunks = job % 17;
      std::vector<std::atomic<int>> runs(17);
      pool.parallel_for(chunks, [&](std::int64_t i) { ++runs[i]; });
      for (std::int64_t i = 0; i < 17; ++i) REQUIRE(runs[i] == (i < chunks ? 1 : 0));
    }
  }
}

TEST_CASE("parallel ranges cover the whole and are cut by its size alone") {
  const auto cuts = [](int threads) {
    ThreadPool pool(threads);
    std::vector<std::int64_t> end_of(10, 0);
    pool.parallel_ranges(10, 4, [&](std::int64_t begin, std::int64_t end) { end_of[begin] = end; });
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
  std::atomic<bool> same_thread{true}, one_here{true};
  CHECK(pool.threads_here() == 2);
  pool.parallel_for(4, [&](std::int64_t) {
    const auto thread = std::this_thread::get_id();
    if (pool.threads_here() != 1) one_here = false;
    pool.parallel_for(8, [&](std::int64_t) {
      ++runs;
      if (std::this_thread::get_id() != thread) same_thread = false;
    });
  });
  CHECK(runs == 32);
  CHECK(same_thread);
  CHECK(one_here);
}

TEST_CASE("a thread takes its own share of the chunks first, nearly always") {
  ThreadPool pool(2);
  constexpr std::size_t chunks = 8;
  // Both threads are held until each share has begun. A thread that looks while a job is being published can take a
  // chunk of the other's share; that must stay rare.
  int own = 0;
  for (int job = 0; job < 200; ++job) {
    std::array<std::thread::id, chunks> by;
    std::atomic<int> begun{0};
    pool.parallel_for(chunks, [&](std::int64_t i) {
      if (i == 0 || i == chunks / 2) {
        ++begun;
        while (begun < 2) std::this_thread::yield();
      }
      by[i] = std::this_thread::get_id();
    });
    CHECK(by[chunks / 2] != by[0]);
    own += by[0] == std::this_thread::get_id();
  }
  CHECK(own > 150);
}

TEST_CASE("work in the background is done once, concurrently with parallel regions, and when finish() returns") {
  for (const int threads : {1, 2, 3, 5}) {
    ThreadPool pool(threads);
    for (int round = 0; round < 50; ++round) {
      std::vector<std::atomic<int>> runs(round);
      std::atomic<int> parallel_jobs{0};
      Background work(pool, round, [&](std::int64_t i) { ++runs[i]; });
      for (int job = 0; job < 10; ++job) pool.parallel_for(7, [&](std::int64_t) { ++parallel_jobs; });
      CHECK(parallel_jobs == 70);
      work.finish();
      for (const std::atomic<int>& count : runs) REQUIRE(count == 1);
      work.finish();  // has nothing to do
    }
  }
}

TEST_CASE("the caller's own work goes on while another thread is in the background") {
  ThreadPool pool(2);
  std::atomic<bool> go{false};
  std::atomic<int> parallel_jobs{0};
  Background work(pool, 1, [&](std::int64_t) {
    while (!go) std::this_thread::yield();  // ends only when the caller has come past its parallel region
  });
  pool.parallel_for(20, [&](std::int64_t) { ++parallel_jobs; });
  CHECK(parallel_jobs == 20);
  go = true;
  work.finish();
}

TEST_CASE("an exception in the background reaches finish(), and is lost with the work that nobody finishes") {
  ThreadPool pool(2);
  std::atomic<int> done{0};
  const auto body = [&](std::int64_t i) {
    if (i == 3) fail("chunk {} broke", i);
    ++done;
  };
  {
    Background work(pool, 10, body);
    CHECK_THROWS_WITH(work.finish(), "chunk 3 broke");
  }
  CHECK(done == 9);
  { Background work(pool, 10, body); }
  CHECK(done == 18);
  Background after(pool, 2, [&](std::int64_t) { ++done; });
  after.finish();
  CHECK(done == 20);
}

TEST_CASE("a pool has one work in the background at a time") {
  ThreadPool pool(2);
  Background first(pool, 1, [](std::int64_t) {});
  CHECK_THROWS_WITH(Background(pool, 1, [](std::int64_t) {}), Catch::Contains("has work in the background already"));
  first.finish();
  CHECK_NOTHROW(Background(pool, 1, [](std::int64_t) {}));
}

TEST_CASE("the threads of a pool leave Ctrl-C to the thread that made it") {
  const auto blocks_ctrl_c = [] {
    sigset_t mask{};
    ::pthread_sigmask(SIG_BLOCK, nullptr, &mask);
    return sigismember(&mask, SIGINT) == 1;
  };
  ThreadPool pool(3);
  CHECK_FALSE(blocks_ctrl_c());
  const std::thread::id own = std::this_thread::get_id();
  std::atomic<int> of_workers = 0, blocked = 0;
  while (of_workers == 0)
    pool.parallel_for(64, [&](std::int64_t) {
      if (std::this_thread::get_id() == own) return;
      ++of_workers;
      blocked += blocks_ctrl_c();
    });
  CHECK(blocked == of_workers);
}

TEST_CASE("a thread pool refuses impossible numbers of threads") {
  CHECK_THROWS_WITH(ThreadPool(0), Catch::Contains("got 0 threads"));
  CHECK_THROWS_WITH(ThreadPool(1025), Catch::Contains("got 1025 threads"));
}
