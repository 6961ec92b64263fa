// Every operation of the table in every case, on every device: the emulated one always, a GPU where there is one.

#include "kernels/device/open_device.h"
#include "kernels/emulation/emulation.h"
#include "tests/kernels/compare_with_cpu.h"
#include "tests/unchecked_accesses.h"

#include <fmt/format.h>

using namespace ethreed;
using namespace ethreed::test;

namespace {

/// Outputs and gradients of one case, run with the threads of every block, and the blocks, in this order.
std::vector<Tensor<float>> run_in_order(emulation::Order order, const Operation& operation, const OpCase& op_case) {
  const UncheckedAccesses unchecked;  // in whatever order, a race is one
  emulation::settings().order = order;
  Runtime runtime(2);
  runtime.use(open_device(Device::emulated, runtime.pool()));
  Context context = runtime.context();
  Run<float> run(context, operation, op_case);
  run.forward_and_backward(context);
  emulation::settings().order = emulation::Order::forward;
  std::vector<Tensor<float>> results;
  for (const Operand<float>& output : run.problem->outputs) results.push_back(output.data.clone());
  for (Tensor<float>& gradient : run.gradients) results.push_back(std::move(gradient));
  return results;
}

}  // namespace

TEST_CASE("the emulated kernels give the same bits whatever the order of their threads and blocks") {
  for (const Operation& operation : tested_operations())
    for (const OpCase& op_case : tested_cases(operation)) {
      INFO(operation.name << " / " << op_case.name);
      const auto wanted = run_in_order(emulation::Order::forward, operation, op_case);
      for (const emulation::Order order : {emulation::Order::reversed, emulation::Order::shuffled}) {
        const auto got = run_in_order(order, operation, op_case);
        REQUIRE(got.size() == wanted.size());
        for (std::size_t i = 0; i < wanted.size(); ++i) CHECK(same_bits(got[i], wanted[i]));
      }
    }
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
