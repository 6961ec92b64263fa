// The half of launch() that only nvcc compiles: what it asks of CUDA, here of a stand-in that notes it. Whether a
// driver grants it, a GPU must tell.
#include "core/context.h"
#include "core/error.h"
#include "tests/idle_device.h"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

// For what follows: the headers before are the same for every compiler.
#define __CUDACC__ 1
#include "kernels/common/launch.h"

namespace ethreed {

inline namespace on_gpu {
void check_launch(const DeviceRuntime&, std::string_view, const LaunchShape&) {}
void check_cuda(cudaError_t status, std::string_view what) {
  if (status != cudaSuccess) fail("CUDA: {}: refused", what);
}
}  // namespace on_gpu

namespace {

/// A device that has two streams and nothing else.
class StreamsOnly final : public test::IdleDevice {
 public:
  Device device() const override { return Device::cuda; }
  std::size_t shared_bytes_per_block() const override { return 227 << 10; }
  void* stream(int index) override { return streams_.data() + index; }

 private:
  std::array<char, 2> streams_{};
};

struct Pair {
  std::int64_t first, second;
};
template <class T> __global__ void some_kernel(const T*, std::int64_t, Pair, T) {}

/// What launch() asks for.
struct Launched {
  StreamsOnly runtime;
  std::vector<Asked> all;

  explicit Launched(const LaunchShape& shape, bool planning = false) {
    asked.clear();
    ThreadPool pool(1);
    Arena arena, values, scratch;
    Context context{Device::cuda, pool, arena, values, scratch, &runtime};
    runtime.plan(planning);
    const float data = 0;
    launch<some_kernel<float>>(context, shape, &data, 7, Pair{8, 9}, 2.5);
    all = asked;
  }
};

}  // namespace

TEST_CASE("a launch on a GPU is asked for once, with its shape, its shared memory and its stream") {
  Launched launched({.grid = dim3(3, 4), .block = dim3(32, 2), .shared_bytes = 48 << 10, .stream = 1});
  REQUIRE(launched.all.size() == 1);
  const Asked& one = launched.all[0];
  CHECK(one.what == Asked::launch);
  CHECK(one.function == reinterpret_cast<const void*>(&some_kernel<float>));
  CHECK((one.grid.x == 3 && one.grid.y == 4 && one.grid.z == 1));
  CHECK((one.block.x == 32 && one.block.y == 2 && one.block.z == 1));
  CHECK(one.shared_bytes == 48 << 10);
  CHECK(one.stream == launched.runtime.stream(1));
  REQUIRE(launched.runtime.launches().size() == 1);
  CHECK(launched.runtime.launches()[0].kernel.starts_with("some_kernel<float>"));
}

TEST_CASE("more than 48 KiB of dynamic shared memory on a GPU is asked for before the launch, all of it") {
  const Launched launched({.grid = 1, .block = 32, .shared_bytes = (48 << 10) + 16});
  REQUIRE(launched.all.size() == 2);
  CHECK(launched.all[0].what == Asked::attribute);
  CHECK(launched.all[0].function == reinterpret_cast<const void*>(&some_kernel<float>));
  CHECK(launched.all[0].shared_bytes == (48 << 10) + 16);
  CHECK(launched.all[1].what == Asked::launch);
  CHECK(launched.all[1].shared_bytes == (48 << 10) + 16);
}

TEST_CASE("a cooperative launch on a GPU is a cooperative one") {
  const Launched launched({.grid = 2, .block = 32, .shared_bytes = 64, .cooperative = true});
  REQUIRE(launched.all.size() == 1);
  CHECK(launched.all[0].what == Asked::cooperative_launch);
  CHECK(launched.all[0].grid.x == 2);
  CHECK(launched.all[0].shared_bytes == 64);
}

TEST_CASE("a launch on a GPU points to its arguments, in their order and as the kernel's types") {
  StreamsOnly runtime;
  ThreadPool pool(1);
  Arena arena, values, scratch;
  Context context{Device::cuda, pool, arena, values, scratch, &runtime};
  asked.clear();
  // Read while they live: within the launch.
  static const float data = 0;
  static std::vector<std::string> seen;
  seen.clear();
  on_launch = [](void** arguments) {
    seen.push_back(*static_cast<const float**>(arguments[0]) == &data ? "data" : "other");
    seen.push_back(std::to_string(*static_cast<std::int64_t*>(arguments[1])));
    seen.push_back(std::to_string(static_cast<Pair*>(arguments[2])->second));
    seen.push_back(std::to_string(*static_cast<float*>(arguments[3])));
  };
  launch<some_kernel<float>>(context, {.grid = 1, .block = 32}, &data, 7, Pair{8, 9}, 2.5);
  on_launch = nullptr;
  CHECK(seen == std::vector<std::string>{"data", "7", "9", "2.500000"});
}

TEST_CASE("a launch that the GPU refuses is an Error with the kernel's name, and planning asks for none") {
  answer = cudaErrorInvalidValue;
  CHECK_THROWS_WITH(Launched({.grid = 1, .block = 32}), Catch::Contains("some_kernel<float>"));
  answer = cudaSuccess;
  CHECK(Launched({.grid = 1, .block = 32}, true).all.empty());
}

}  // namespace ethreed
