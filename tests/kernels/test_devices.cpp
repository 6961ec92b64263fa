// Every operation of the table in every case, on every device: the emulated one always, a GPU where there is one.

#include "kernels/device/open_device.h"
#include "kernels/emulation/emulation.h"
#include "tests/kernels/operation_run.h"
#include "tests/unchecked_accesses.h"

#include <fmt/format.h>

using namespace ethreed;
using namespace ethreed::test;

namespace {

/// What was compared, to be printed: a case that was skipped would show.
struct Counts {
  int operations = 0, cases = 0;
  std::int64_t comparisons = 0;
  double worst = 0;

  void compared(std::int64_t count, double distance) {
    comparisons += count;
    worst = std::max(worst, distance);
  }
};

/// Forward against the textbook and against the CPU's kernel, backward against the CPU's, both ways of writing
/// gradients.
template <class T>
void compare_with_cpu(Context& context, const Operation& operation, const OpCase& op_case, double tolerance,
                      Counts& counts) {
  INFO(operation.name << " / " << op_case.name << ", " << (sizeof(T) == 4 ? "float" : "double"));
  Runtime cpu_runtime;
  Context cpu = cpu_runtime.context();
  const double from_reference = distance_from_reference<T>(context, op_case);
  CHECK(from_reference <= tolerance);
  Run<T> wanted(cpu, operation, op_case), got(context, operation, op_case);
  counts.compared(0, from_reference);
  for (const bool accumulate : {false, true}) {
    wanted.forward_and_backward(cpu, accumulate);
    got.forward_and_backward(context, accumulate);
    for (std::size_t o = 0; o < wanted.problem->outputs.size(); ++o) {
      INFO("output " << wanted.problem->outputs[o].name);
      const double difference = distance(got.problem->outputs[o].data.span(), wanted.problem->outputs[o].data.span());
      CHECK(difference <= tolerance);
      counts.compared(wanted.problem->outputs[o].data.count(), difference);
    }
    if (!operation.differentiable) continue;
    for (std::size_t i = 0; i < wanted.gradients.size(); ++i) {
      if (!wanted.problem->inputs[i].differentiable) continue;
      INFO("gradient by " << wanted.problem->inputs[i].name << (accumulate ? ", accumulated" : ", overwritten"));
      // A gradient that cancels to nothing is what rounding leaves of cotangents, which are of size 1.
      const double least = 4 * static_cast<double>(std::numeric_limits<T>::epsilon()) / tolerance;
      const double difference = distance(got.gradients[i].span(), wanted.gradients[i].span(), least);
      CHECK(difference <= tolerance);
      counts.compared(wanted.gradients[i].count(), difference);
    }
  }
}

template <class T> Counts compare_table(Device device, double tolerance) {
  Runtime runtime(2);
  runtime.use(open_device(device, runtime.pool()));
  Context context = runtime.context();
  Counts counts;
  for (const Operation& operation : tested_operations()) {
    ++counts.operations;
    for (const OpCase& op_case : tested_cases(operation)) {
      ++counts.cases;
      compare_with_cpu<T>(context, operation, op_case, tolerance, counts);
    }
  }
  fmt::print("{}, {}: {} operations, {} cases, {} comparisons, worst error {:.2e}, none skipped\n", name_of(device),
             sizeof(T) == 4 ? "float" : "double", counts.operations, counts.cases, counts.comparisons, counts.worst);
  return counts;
}

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
