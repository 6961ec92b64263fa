#include "core/error.h"
#include "core/thread_pool.h"
#include "tests/emulation/device_array.h"
#include "tests/emulation/schedule_kernels.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>

using namespace ethreed;
using namespace ethreed::test;
using Catch::Matchers::Contains;

TEST_CASE("every thread of a grid of three dimensions runs exactly once, with its own indices") {
  for (const auto& [grid, block] :
       {std::pair{dim3(5), dim3(7)}, {dim3(3, 2, 4), dim3(4, 3, 2)}, {dim3(1, 70), dim3(1, 1, 64)}}) {
    const std::size_t count = std::size_t{grid.x} * grid.y * grid.z * block.x * block.y * block.z;
    DeviceArray<int> visits(zeros<int>(count));
    visit(nullptr, grid, block, visits.data());
    std::vector<int> expected = counting<int>(count);
    for (int& one : expected) ++one;
    CHECK(visits.values() == expected);
  }
}

TEST_CASE("threads and blocks get their turn in order, in reverse, or shuffled by the seed") {
  const KeepSettings keep;
  const int blocks = 3, threads = 70, count = blocks * threads;
  const auto tickets = [&](emulation::Order order, std::uint64_t seed) {
    emulation::settings().order = order;
    emulation::settings().seed = seed;
    DeviceArray<int> counter(zeros<int>(1)), ticket(count);
    take_tickets(blocks, threads, counter.data(), ticket.data());
    CHECK(counter.values()[0] == count);
    return ticket.values();
  };
  const auto forward = counting<int>(count);
  CHECK(tickets(emulation::Order::forward, 1) == forward);
  CHECK(tickets(emulation::Order::reversed, 1) == std::vector<int>(forward.rbegin(), forward.rend()));
  auto shuffled = tickets(emulation::Order::shuffled, 1);
  CHECK(shuffled != forward);
  CHECK(shuffled == tickets(emulation::Order::shuffled, 1));
  CHECK(shuffled != tickets(emulation::Order::shuffled, 2));
  std::sort(shuffled.begin(), shuffled.end());
  CHECK(shuffled == forward);
}

TEST_CASE("what threads write before a barrier of the block is there for all after it") {
  for (const int threads : {1, 31, 32, 100, 1024}) {
    DeviceArray<int> data(counting<int>(3 * threads));
    reverse(3, threads, data.data());
    const auto result = data.values();
    for (int i = 0; i < 3 * threads; ++i) REQUIRE(result[i] == i / threads * threads + threads - 1 - i % threads);
  }
}

TEST_CASE("votes of a block count, and, or the predicates of all its threads") {
  for (const auto& [values, expected] : {std::pair{std::vector<int>(40, 2), std::array{40, 1, 1}},
                                         {std::vector<int>(40, 0), std::array{0, 0, 0}},
                                         {counting<int>(40), std::array{38, 0, 1}}}) {
    DeviceArray<int> input(values), output(zeros<int>(120));
    block_votes(40, input.data(), output.data());
    const auto got = output.values();
    for (std::size_t i = 0; i < got.size(); ++i) REQUIRE(got[i] == expected[i % 3]);
  }
}

TEST_CASE("shuffles give the value of the lane that CUDA's definition names") {
  const int threads = 64;
  DeviceArray<double> out(threads * 10);
  shuffles(threads, out.data());
  const auto got = out.values();
  for (int t = 0; t < threads; ++t) {
    const int lane = t % 32, warp = t - lane;
    const auto value = [&](int of) { return 100.0 + warp + of; };
    const double* mine = &got[t * 10];
    CAPTURE(t);
    CHECK(mine[0] == value(5));
    CHECK(mine[1] == value((lane + 1) % 32) + 0.5);
    CHECK(mine[2] == value(lane < 3 ? lane : lane - 3));
    CHECK(mine[3] == value(lane > 28 ? lane : lane + 3) + 0.5);
    CHECK(mine[4] == value(lane ^ 9));
    CHECK(mine[5] == value(lane / 8 * 8 + 1));
    CHECK(mine[6] == value(lane % 4 < 2 ? lane : lane - 2) + 0.5);
    CHECK(mine[7] == value(lane % 16 > 13 ? lane : lane + 2));
    CHECK(mine[8] == value(lane ^ 1) + 0.5);
    CHECK(mine[9] == 32 * (100.5 + warp) + 31 * 16);
  }
}

TEST_CASE("votes of a warp are those of the lanes in the mask, also where the block ends within a warp") {
  for (const int threads : {64, 48}) {
    DeviceArray<unsigned> out(threads * 4);
    votes(out.data(), threads);
    const auto got = out.values();
    for (unsigned t = 0; t < static_cast<unsigned>(threads); ++t) {
      const unsigned existing = threads == 48 && t >= 32 ? 0xFFFFU : 0xFFFFFFFFU;
      const unsigned thirds = 0x49249249U & existing, half = t % 32 < 16 ? 0xFFFFU : 0xFFFF0000U;
      CHECK(got[4 * t] == (thirds & half));
      CHECK(got[4 * t + 1] == 1);
      CHECK(got[4 * t + 2] == 0);
      CHECK(got[4 * t + 3] == thirds);
    }
  }
}

TEST_CASE("parts of a warp shuffle on their own, each as often as it likes") {
  DeviceArray<int> out(32);
  parities(out.data());
  const auto got = out.values();
  for (std::size_t lane = 0; lane < 32; ++lane) CHECK(got[lane] == (lane % 2 != 0 ? 256 : 240));
}

TEST_CASE("the barrier of the grid orders all blocks of a cooperative launch") {
  DeviceArray<int> values(zeros<int>(2 * 16));
  ring(16, 64, 11, values.data());
  const auto got = values.values();
  for (std::size_t block = 0; block < 16; ++block) CHECK(got[16 + block] == 11);
}

TEST_CASE("static arrays and the dynamic shared memory of a block lie apart") {
  DeviceArray<int> out(3);
  both_shared(3, 40, out.data());
  CHECK(out.values() == zeros<int>(3));
}

TEST_CASE("reductions of block.h give equal bits under every order of threads and on every number of threads") {
  const KeepSettings keep;
  std::vector<float> values(1000);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = 1.0F / static_cast<float>(i + 3);
  DeviceArray<float> input(values);
  const auto run = [&](cudaStream_t stream) {
    DeviceArray<float> out(zeros<float>(40));
    reductions(stream, 20, 256, input.data(), 1000, out.data());
    return out.values();
  };
  const auto first = run(nullptr);
  double sum = 0;
  for (const float one : values) sum += one;
  CHECK(first[0] == Approx(257 * sum).epsilon(1e-5));
  CHECK(first[20] == 1.0F / 3.0F);
  emulation::settings().order = emulation::Order::reversed;
  CHECK(run(nullptr) == first);
  emulation::settings().order = emulation::Order::shuffled;
  for (std::uint64_t seed = 1; seed < 4; ++seed) {
    emulation::settings().seed = seed;
    CHECK(run(nullptr) == first);
  }
  ThreadPool pool(3);
  cudaStream_t stream = nullptr;
  REQUIRE(cudaStreamCreate(&stream) == cudaSuccess);
  emulation::bind(stream, pool);
  CHECK(run(stream) == first);
  CHECK(cudaStreamDestroy(stream) == cudaSuccess);
}

TEST_CASE("NaN wins the maximum over warps and blocks, wherever it stands") {
  constexpr int threads = 64;
  for (int place = 0; place < threads; ++place) {
    std::vector<float> values(threads, -1.0F);
    values[static_cast<std::size_t>((place + 7) % threads)] = 3.0F;
    DeviceArray<float> without(values), out(zeros<float>(2));
    reductions(nullptr, 1, threads, without.data(), threads, out.data());
    CHECK(out.values()[1] == 3.0F);
    values[static_cast<std::size_t>(place)] = std::numeric_limits<float>::quiet_NaN();
    DeviceArray<float> with(values);
    reductions(nullptr, 1, threads, with.data(), threads, out.data());
    INFO("NaN at " << place);
    CHECK(std::isnan(out.values()[1]));
  }
}

TEST_CASE("atomic functions lose nothing when blocks run on several threads of the system") {
  ThreadPool pool(4);
  cudaStream_t stream = nullptr;
  REQUIRE(cudaStreamCreate(&stream) == cudaSuccess);
  emulation::bind(stream, pool);
  std::vector<int> start(9, 0);
  start[5] = 0x7FF;
  DeviceArray<int> out(start);
  const int blocks = 64, threads = 32, count = blocks * threads;
  atomics(stream, blocks, threads, out.data());
  auto got = out.values();
  CHECK(std::bit_cast<float>(got[8]) == 0.5F * count);
  got.pop_back();
  CHECK(got == std::vector<int>{count, -2 * count, count - 1, 1 - count, 0xFF, 0x700, 7, count * (count + 1) / 2});
  CHECK(cudaStreamDestroy(stream) == cudaSuccess);
}

TEST_CASE("a launch of a shape that the device cannot run is an error with the kernel's name") {
  const auto launch = [](dim3 grid, dim3 block, std::size_t shared_bytes, bool cooperative) {
    emulation::launch(
        nullptr,
        {.kernel = "shaped", .grid = grid, .block = block, .shared_bytes = shared_bytes, .cooperative = cooperative},
        [] {});
  };
  CHECK_NOTHROW(launch(1, 1024, 227 * 1024, true));
  CHECK_THROWS_WITH(launch(0, 32, 0, false), Contains("kernel shaped") && Contains("grid of 0×1×1"));
  CHECK_THROWS_WITH(launch(dim3(1, 65536), 32, 0, false), Contains("grid of 1×65536×1"));
  CHECK_THROWS_WITH(launch(1, 1025, 0, false), Contains("block of 1025×1×1"));
  CHECK_THROWS_WITH(launch(1, dim3(32, 0), 0, false), Contains("block of 32×0×1"));
  CHECK_THROWS_WITH(launch(1, 32, 227 * 1024 + 1, false), Contains("232449 bytes of dynamic shared memory"));
  CHECK_NOTHROW(launch(16, 1024, 0, true));
  CHECK_THROWS_WITH(launch(17, 1024, 0, true), Contains("cooperative grid of 17 blocks, 16 fit"));
  CHECK_THROWS_WITH(launch(9, 32, 200 * 1024, true), Contains("cooperative grid of 9 blocks, 8 fit"));
}

TEST_CASE("an error in a kernel reaches the caller, on a pool too, and the next launch runs as if nothing had been") {
  ThreadPool pool(2);
  cudaStream_t stream = nullptr;
  REQUIRE(cudaStreamCreate(&stream) == cudaSuccess);
  emulation::bind(stream, pool);
  for (const cudaStream_t on : {cudaStream_t{nullptr}, stream})
    for (int round = 0; round < 3; ++round) {
      CHECK_THROWS_WITH(emulation::launch(on, {.kernel = "failing", .grid = 8, .block = 100},
                                          [] {
                                            __syncthreads();
                                            if (blockIdx.x == 5 && threadIdx.x == 77) fail("thread 77 failed");
                                            __syncthreads();
                                          }),
                        "thread 77 failed");
      DeviceArray<int> data(counting<int>(100));
      reverse(1, 100, data.data());
      CHECK(data.values()[0] == 99);
    }
  CHECK(cudaStreamDestroy(stream) == cudaSuccess);
}

TEST_CASE("launches, blocks, threads and barriers are counted by kernel") {
  emulation::reset_counters();
  DeviceArray<int> data(counting<int>(300));
  reverse(3, 100, data.data());
  reverse(2, 50, data.data());
  DeviceArray<int> values(zeros<int>(2 * 4));
  ring(4, 32, 5, values.data());
  const auto counts = emulation::counters();
  REQUIRE(counts.size() == 2);
  CHECK(counts[0].kernel == "reverse");
  CHECK(counts[0].launches == 2);
  CHECK(counts[0].blocks == 5);
  CHECK(counts[0].threads == 400);
  CHECK(counts[0].block_barriers == 5);
  CHECK(counts[1].kernel == "ring");
  CHECK(counts[1].grid_barriers == 5);
  emulation::reset_counters();
  CHECK(emulation::counters().empty());
}

TEST_CASE("the checked variant counts bytes of device and shared memory, and bank conflicts of shared memory") {
  if (!emulation::checked_variant()) {
    WARN("skipped: the kernels of this program are not the checked variant");
    return;
  }
  const KeepSettings keep;
  emulation::settings().count_bank_conflicts = true;
  DeviceArray<float> out(32);
  const auto counted = [](auto&& run) {
    emulation::reset_counters();
    run();
    const auto all = emulation::counters();
    REQUIRE(all.size() == 1);
    return all[0];
  };
  const auto conflicting = counted([&] { columns(32, out.data()); });
  CHECK(out.values() == std::vector<float>(32, 32.0F));
  CHECK(conflicting.global_bytes_written == 128);
  CHECK(conflicting.global_bytes_read == 0);
  CHECK(conflicting.shared_bytes_written == 32 * 128);
  CHECK(conflicting.shared_bytes_read == 32 * 128);
  CHECK(conflicting.shared_requests == 64);
  CHECK(conflicting.bank_conflicts == 32 * 31);
  const auto padded = counted([&] { columns(33, out.data()); });
  CHECK(padded.shared_requests == 64);
  CHECK(padded.bank_conflicts == 0);
  const auto two_way = counted([&] { columns(34, out.data()); });
  CHECK(two_way.bank_conflicts == 32);
  const auto wide = counted([&] { wide_rows(out.data()); });
  CHECK(out.values() == std::vector<float>(32, 6.0F));
  CHECK(wide.shared_bytes_read == 32 * (8 + 16 + 4));
  CHECK(wide.bank_conflicts == 0);
  emulation::settings().count_bank_conflicts = false;
  const auto uncounted = counted([&] { columns(32, out.data()); });
  CHECK(uncounted.shared_requests == 0);
  emulation::reset_counters();
}
