// Every operation of the table in every case, on every device: the emulated one always, a GPU where there is one.

#include "kernels/device/open_device.h"
#include "tests/kernels/compare_with_cpu.h"
#include "tests/kernels/every_order.h"

#include <fmt/format.h>

using namespace ethreed;
using namespace ethreed::test;

TEST_CASE("the emulated kernels give the same bits whatever the order of their threads and blocks") {
  for (const Operation& operation : tested_operations())
    for (const OpCase& op_case : tested_cases(operation)) check_every_order(operation, op_case);
}

TEST_CASE("the emulated kernels agree with textbook and CPU in double, every operation, every case") {
  CHECK(compare_table<double>(Device::emulated, 1e-10).cases > 0);
}

TEST_CASE("the emulated kernels agree with textbook and CPU in float, every operation, every case") {
  CHECK(compare_table<float>(Device::emulated, 1e-4).cases > 0);
}

TEST_CASE("the GPU's kernels agree with textbook and CPU, where there is a GPU") {
  try {
    ThreadPool pool(1);
    open_device(Device::cuda, pool);
  } catch (const Error& error) {
    fmt::print("cuda: not run: {}\n", error.what());
    return;
  }
  CHECK(compare_table<double>(Device::cuda, 1e-10).cases > 0);
  CHECK(compare_table<float>(Device::cuda, 1e-4).cases > 0);
}
