// Every detector of the emulation against a kernel that is wrong on purpose, beside its right twin.
#include "core/error.h"
#include "tests/emulation/device_array.h"
#include "tests/emulation/wrong_kernels.h"

#include <algorithm>
#include <fstream>

using namespace ethreed;
using namespace ethreed::test;

namespace {

const std::string& line_of_file(const std::string& path, std::size_t number) {
  static std::vector<std::string> lines;
  lines.clear();
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  INFO(path << ":" << number);
  REQUIRE(number >= 1);
  REQUIRE(number <= lines.size());
  return lines[number - 1];
}

// Every "…_kernels.cu:N" that the message names is a line marked WRONG; there are so many at least.
void check_lines(const std::string& message, int at_least) {
  int found = 0;
  const std::string kind = "_kernels.cu:";
  for (auto at = message.find(kind); at != std::string::npos; at = message.find(kind, at + 1)) {
    const auto begin = message.find_last_of(" (", at) + 1;
    const auto number = at + kind.size();
    const std::string& line =
        line_of_file(message.substr(begin, number - 1 - begin), std::stoul(message.substr(number)));
    CHECK_THAT(line, Catch::Matchers::Contains("// WRONG"));
    ++found;
  }
  CHECK(found >= at_least);
}

// The wrong kernel is reported with its name and all of `parts`, the right one not at all, under every order of
// threads.
void check_kernel(const std::vector<WrongKernel>& kernels, const std::string& name,
                  const std::vector<std::string>& parts, int lines = 1) {
  const KeepSettings keep;
  const auto kernel = std::find_if(kernels.begin(), kernels.end(), [&](const auto& one) { return one.name == name; });
  REQUIRE(kernel != kernels.end());
  for (const auto order : {emulation::Order::forward, emulation::Order::reversed, emulation::Order::shuffled}) {
    emulation::settings().order = order;
    CHECK_NOTHROW(kernel->run(false));
    std::string message;
    try {
      kernel->run(true);
    } catch (const Error& error) {
      message = error.what();
    }
    CAPTURE(message);
    CHECK_THAT(message, Catch::Matchers::StartsWith("kernel " + name + ", block ("));
    CHECK_THAT(message, Catch::Matchers::Contains("thread ("));
    check_lines(message, lines);
    // Which of the threads is named, and first, depends on their order.
    for (const std::string& part : parts)
      if (order == emulation::Order::forward ||
          (part.find("thread (") == std::string::npos && part.find("byte ") == std::string::npos))
        CHECK_THAT(message, Catch::Matchers::Contains(part));
  }
}

// The detectors that need the checked variant of the kernels.
bool checked() {
  if (emulation::checked_variant()) return true;
  WARN("skipped: the kernels of this program are not the checked variant");
  return false;
}

}  // namespace

TEST_CASE("access behind the end of an allocation is reported") {
  if (!checked()) return;
  check_kernel(
      memory_kernels, "overrun",
      {"block (3,0,0), thread (4,0,0): writes 4 bytes", "0 bytes behind the end of an allocation of 400 bytes"});
}

TEST_CASE("access before the beginning of an allocation is reported") {
  if (!checked()) return;
  check_kernel(memory_kernels, "underrun", {"block (0,0,0), thread (0,0,0): reads 4 bytes"});
}

TEST_CASE("access behind the end of a piece that an arena lent is reported, though the allocation goes on") {
  if (!checked()) return;
  check_kernel(memory_kernels, "piece_overrun",
               {"block (3,0,0), thread (4,0,0): writes 4 bytes", "0 bytes behind the end of a piece of 400 bytes"});
}

TEST_CASE("access to a piece that was given back is reported") {
  if (!checked()) return;
  check_kernel(memory_kernels, "given_back", {"block (0,0,0), thread (0,0,0): writes 4 bytes", "given back"});
}

TEST_CASE("access that is not aligned to its size is reported") {
  if (!checked()) return;
  check_kernel(memory_kernels, "misaligned", {"thread (0,0,0): reads", "which is not aligned to 16 bytes", "block.h:"},
               0);
}

TEST_CASE("an index beyond the end of an array that a thread has to itself is reported") {
  if (!checked()) return;
  check_kernel(memory_kernels, "local_overrun", {"block (0,0,0), thread (4,0,0): index 4 out of bounds of 'int [4]'"});
}

TEST_CASE("access behind the end of a shared array is reported, static or dynamic") {
  if (!checked()) return;
  check_kernel(memory_kernels, "shared_overrun",
               {"thread (0,0,0): writes 4 bytes", "0 bytes behind the end of a shared array of 256 bytes"});
  check_kernel(memory_kernels, "dynamic_overrun",
               {"thread (30,0,0): writes 4 bytes", "0 bytes behind the end of dynamic shared memory of 120 bytes"});
}

TEST_CASE("access to memory of the host is reported: to the heap, to null, to variables") {
  if (!checked()) return;
  check_kernel(memory_kernels, "host_memory", {"thread (0,0,0): reads 4 bytes", "neither memory of the device"});
  check_kernel(memory_kernels, "null_pointer", {"thread (0,0,0): reads 4 bytes at 0x0", "a null pointer"});
  check_kernel(memory_kernels, "host_variable", {"thread (0,0,0): reads 4 bytes", "memory of the host"});
}

TEST_CASE("access to a local variable of another thread is reported") {
  if (!checked()) return;
  check_kernel(memory_kernels, "others_local",
               {"thread (0,0,0): reads 4 bytes", "a local variable of block (0,0,0), thread (31,0,0)"});
}

TEST_CASE("reading device memory that no kernel, copy or fill wrote is reported") {
  if (!checked()) return;
  check_kernel(memory_kernels, "unwritten",
               {"thread (31,0,0): reads 4 bytes", "nobody has written", "byte 124 of an allocation of 128 bytes"});
  check_kernel(memory_kernels, "unwritten_copy", {"thread (0,0,0): reads 4 bytes", "nobody has written"});
  check_kernel(memory_kernels, "lent_again", {"thread (0,0,0): reads 4 bytes", "byte 0 of a piece of 128 bytes"});
  check_kernel(memory_kernels, "host_wrote", {"thread (16,0,0): reads 4 bytes", "nobody has written"});
}

TEST_CASE("reading shared memory that nobody wrote in this block is reported, even if the block before did") {
  if (!checked()) return;
  check_kernel(memory_kernels, "shared_unwritten",
               {"thread (31,0,0): reads 8 bytes", "nobody has written", "byte 248 of a shared array of 256 bytes"});
}

TEST_CASE("two threads of a block at one shared address with no barrier between are reported, both of them") {
  if (!checked()) return;
  check_kernel(race_kernels, "no_barrier",
               {"block (1,0,0), thread (32,0,0): races on shared memory: writes 4 bytes",
                "(byte 128 of a shared array of 256 bytes)", "thread (31,0,0) reads it", "no barrier is between"},
               2);
  check_kernel(race_kernels, "write_after_read",
               {"block (1,0,0), thread (32,0,0): races on shared memory: reads 4 bytes", "thread (31,0,0) writes it"},
               2);
  check_kernel(race_kernels, "same_word",
               {"thread (32,0,0): races on shared memory: writes", "thread (0,0,0) writes it"}, 2);
}

TEST_CASE("barriers and shuffles of a warp order its lanes, and no other threads") {
  if (!checked()) return;
  check_kernel(race_kernels, "across_warps",
               {"thread (32,0,0): races on shared memory: writes", "thread (0,0,0) reads it"}, 2);
  check_kernel(race_kernels, "no_warp_barrier",
               {"thread (1,0,0): races on shared memory: writes", "thread (0,0,0) reads it"}, 2);
}

TEST_CASE("barriers of a part of a warp order the lanes of the part, and those that come after them") {
  if (!checked()) return;
  check_kernel(race_kernels, "half_warps", {"races on shared memory"}, 2);
  check_kernel(race_kernels, "chained", {"thread (2,0,0): races on shared memory: reads", "thread (0,0,0) writes it"},
               2);
}

TEST_CASE("threads that write bytes beside each other do not race, on one byte they do") {
  if (!checked()) return;
  check_kernel(race_kernels, "bytes",
               {"thread (1,0,0): races on shared memory: writes 1 bytes", "thread (0,0,0) writes it"}, 2);
}

TEST_CASE("two blocks of a launch at one address, one of them writing, are reported") {
  if (!checked()) return;
  check_kernel(race_kernels, "blocks_write",
               {"block (1,0,0), thread (0,0,0): races on device memory: writes 4 bytes",
                "block (0,0,0), thread (0,0,0) writes it"},
               2);
  check_kernel(race_kernels, "blocks_read", {"races on device memory", "block (0,0,0), thread (0,0,0) reads it"}, 2);
  check_kernel(race_kernels, "blocks_read_then_write", {"races on device memory"}, 2);
}

TEST_CASE("threads of a block at one address of the device with no barrier between are reported") {
  if (!checked()) return;
  check_kernel(race_kernels, "threads_of_a_block", {"races on device memory"}, 2);
}

TEST_CASE("one launch comes after another: only blocks of the same launch race") {
  if (!checked()) return;
  check_kernel(race_kernels, "launches", {"block (1,0,0), thread (0,0,0): races on device memory: reads"}, 2);
}

TEST_CASE("atomics do not race with each other, but with plain accesses") {
  if (!checked()) return;
  check_kernel(race_kernels, "atomics_and_plain", {"races on device memory", "atomic"}, 2);
}

TEST_CASE("the barrier of the grid orders accesses of different blocks") {
  if (!checked()) return;
  check_kernel(race_kernels, "grid_barrier_orders", {"races on device memory"}, 2);
}

TEST_CASE("a barrier that a thread of the block never reaches is reported") {
  check_kernel(
      barrier_kernels, "early_return",
      {"block (2,0,0)", "waits at the barrier of the block", "which not all reach: thread (40,0,0) has ended"});
}

TEST_CASE("a block whose threads wait at two different barriers is reported") {
  check_kernel(barrier_kernels, "two_barriers",
               {"thread (32,0,0): waits at the barrier of the block", "thread (0,0,0) at another one"}, 2);
}

TEST_CASE("a shuffle that a lane of its mask never reaches is reported") {
  check_kernel(barrier_kernels, "shuffle_after_return",
               {"waits in a shuffle", "mask 0xffffffff", "thread (9,0,0) has ended"});
  check_kernel(barrier_kernels, "shuffle_or_barrier",
               {"waits in __syncwarp", "thread (3,0,0) waits at the barrier of the block"}, 2);
  check_kernel(barrier_kernels, "two_masks", {"waits in __any_sync"}, 2);
}

TEST_CASE("a shuffle from a lane that does not take part is reported") {
  check_kernel(barrier_kernels, "foreign_lane", {"shuffles from lane 16", "mask 0x0000ffff"});
  check_kernel(barrier_kernels, "missing_lane", {"shuffles from lane 31", "mask 0x00ffffff"});
}

TEST_CASE("a warp function called with a mask that does not name its caller is reported") {
  check_kernel(barrier_kernels, "not_in_mask",
               {"thread (7,0,0): calls __ballot_sync", "mask 0x0000007f, in which it is not itself"});
}

TEST_CASE("a grid barrier that a block never reaches is reported, and one in a launch that is not cooperative") {
  check_kernel(
      barrier_kernels, "grid_return",
      {"block (0,0,0), thread (0,0,0): waits at the barrier of the grid", "block (2,0,0), thread (0,0,0) has ended"});
  check_kernel(barrier_kernels, "grid_or_block",
               {"block (2,0,0), thread (5,0,0): waits at the barrier of the block", "waits at the barrier of the grid"},
               2);
  check_kernel(barrier_kernels, "not_cooperative", {"calls grid_barrier", "not cooperative"});
}

TEST_CASE("dynamic shared memory taken as two types is reported, and shared memory that the device does not have") {
  check_kernel(memory_kernels, "two_types", {"a second type"}, 0);
  check_kernel(memory_kernels, "big_static", {"static shared memory of 49156 bytes, 49152 bytes are all"}, 0);
  check_kernel(memory_kernels, "big_together", {"static and dynamic shared memory of 232464 bytes together"}, 0);
  check_kernel(memory_kernels, "no_dynamic", {"takes dynamic shared memory, of which the launch has none"}, 0);
}

TEST_CASE("copies and fills by the host are held to what is lent as kernels are") {
  if (!checked()) return;
  DeviceArray<float> arena(1024);
  emulation::mark_lent(arena.data(), 400);
  std::vector<float> host(101);
  const auto copy = [&](float* to, const float* from, std::size_t count, cudaMemcpyKind kind) {
    cudaMemcpy(to, from, count * sizeof(float), kind);
  };
  CHECK_NOTHROW(copy(arena.data(), host.data(), 100, cudaMemcpyHostToDevice));
  CHECK_THROWS_WITH(copy(arena.data(), host.data(), 101, cudaMemcpyHostToDevice),
                    Catch::Matchers::Contains("cudaMemcpy writes 404 bytes") &&
                        Catch::Matchers::Contains("0 bytes behind the end of a piece of 400 bytes"));
  CHECK_THROWS_WITH(copy(host.data(), arena.data() + 1, 100, cudaMemcpyDeviceToHost),
                    Catch::Matchers::Contains("cudaMemcpy reads"));
  CHECK_THROWS_WITH(cudaMemset(arena.data() + 200, 0, 4), Catch::Matchers::Contains("cudaMemset writes 4 bytes"));
  CHECK_NOTHROW(emulation::mark_read(arena.data(), 400));
  emulation::mark_lent(arena.data() + 256, 40);
  CHECK_THROWS_WITH(emulation::mark_read(arena.data() + 256, 40), Catch::Matchers::Contains("nobody has written"));
  CHECK_NOTHROW(emulation::mark_written(arena.data() + 256, 40));
  CHECK_NOTHROW(emulation::mark_read(arena.data() + 256, 40));
  CHECK_THROWS_WITH(emulation::mark_written(arena.data() + 256, 44),
                    Catch::Matchers::Contains("the host writes 44 bytes"));
}

TEST_CASE("with the checks switched off a wrong kernel runs, and what it wrote counts as written after") {
  if (!checked()) return;
  const KeepSettings keep;
  emulation::settings().check = false;
  const auto kernel = std::find_if(race_kernels.begin(), race_kernels.end(),
                                   [](const auto& one) { return one.name == "blocks_write"; });
  CHECK_NOTHROW(kernel->run(true));
}
