// What the engine asks of a device beyond its kernels: staged index arrays, planning, counts. On the emulated device.

#include "core/planned_memory.h"
#include "kernels/device/open_device.h"
#include "kernels/gather_rows/gather_rows.h"

#include <catch2/catch.hpp>

#include <array>
#include <vector>

using namespace ethreed;

namespace {

struct EmulatedDevice {
  Runtime runtime{2};
  bool opened = open();
  Context context = runtime.context();
  DeviceRuntime& device = *runtime.device();

  bool open() {
    runtime.use(open_device(Device::emulated, runtime.pool()));
    return true;
  }
};

template <class T> std::vector<T> downloaded(const Context& context, const T* data, std::int64_t count) {
  const T* host = context.to_host(data, count);
  return {host, host + count};
}

using Ids = std::vector<std::int32_t>;

}  // namespace

TEST_CASE("staged arrays go over together, are found by any part of them, and are there until they are forgotten") {
  EmulatedDevice emulated;
  const Ids first{1, 2, 3, 4, 5}, second{6, 7}, empty;
  const std::array arrays{std::as_bytes(std::span(first)), std::as_bytes(std::span(second)),
                          std::as_bytes(std::span(empty))};
  Staging& staging = emulated.device.staging();
  emulated.context.stage(arrays);
  const std::int64_t uploads = staging.uploads();
  const std::int32_t* middle = staging.on_device(first.data() + 1, 3);
  CHECK(downloaded(emulated.context, middle, 3) == Ids{2, 3, 4});
  CHECK(staging.on_device(first.data(), 5) + 1 == middle);
  CHECK(downloaded(emulated.context, staging.on_device(Indices(second)), 2) == second);
  CHECK(staging.uploads() == uploads);
  staging.forget();
  staging.on_device(first.data(), 5);
  CHECK(staging.uploads() == uploads + 1);
}

TEST_CASE("an array nobody staged is copied as it is when it is asked for, and may change afterwards") {
  EmulatedDevice emulated;
  Ids ids{1, 2, 3};
  const std::int32_t* before = emulated.context.to_device(ids.data(), 3);
  ids = {4, 5, 6};
  const std::int32_t* after = emulated.context.to_device(ids.data(), 3);
  CHECK(downloaded(emulated.context, before, 3) == Ids{1, 2, 3});
  CHECK(downloaded(emulated.context, after, 3) == Ids{4, 5, 6});
}

TEST_CASE("what a backward keeps of a staged array shares its copy on the device") {
  EmulatedDevice emulated;
  const Ids ids{3, 1, 2};
  const std::array arrays{std::as_bytes(std::span(ids))};
  emulated.context.stage(arrays);
  const std::int64_t uploads = emulated.device.staging().uploads();
  const auto kept = emulated.context.keep(Indices(ids));
  CHECK(kept.data() != ids.data());
  CHECK(emulated.device.staging().on_device(kept.data(), 3) == emulated.device.staging().on_device(ids.data(), 3));
  CHECK(emulated.device.staging().uploads() == uploads);
}

TEST_CASE("while planning, a device counts launches and arenas count bytes, and nothing is done") {
  EmulatedDevice emulated;
  PlannedMemory nothing;
  Arena values(std::size_t{1} << 30, nothing), scratch(std::size_t{1} << 30, nothing);
  Context plan{Device::emulated, emulated.runtime.pool(), emulated.runtime.arena(), values, scratch, &emulated.device};
  emulated.device.plan(true);
  const Ids index{0, 1};
  const float* x = values.allocate<float>(8);
  float* y = values.allocate<float>(8);
  gather_rows_forward<float>(plan, {.rows = 2,
                                    .parts = 1,
                                    .source_rows = {2},
                                    .columns = {4},
                                    .x = {x},
                                    .index = {index.data()},
                                    .y = y});  // would die at the first access
  plan.clear(y, 8);
  emulated.device.plan(false);
  CHECK(emulated.device.launch_count() == 1);
  CHECK(values.peak_bytes() >= 2 * 8 * sizeof(float));
  emulated.device.forget_launches();
  CHECK(emulated.device.launch_count() == 0);
}

TEST_CASE("an arena on a device takes its memory from it and gives it back") {
  EmulatedDevice emulated;
  const std::size_t before = emulated.device.free_bytes();
  {
    Arena arena(std::size_t{1} << 20, emulated.device.memory());
    CHECK(arena.allocate<float>(1000) != nullptr);
    CHECK(emulated.device.free_bytes() < before);
  }
  CHECK(emulated.device.free_bytes() == before);
  CHECK_THROWS_WITH(emulated.device.memory().allocate(std::size_t{1} << 50), Catch::Contains("MiB"));
}
