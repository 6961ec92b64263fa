#pragma once
// Every operation of the table in every case, on a device, against textbook and CPU.

#include "kernels/device/open_device.h"
#include "tests/kernels/operation_run.h"

#include <fmt/format.h>

namespace ethreed::test {

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

/// All operations, and of each the cases that `cases_of` gives. `name`: what is tested, in the line that says what was
/// compared.
template <class T, class Cases>
Counts compare_table(Device device, double tolerance, std::string_view name, Cases cases_of) {
  Runtime runtime(2);
  runtime.use(open_device(device, runtime.pool()));
  Context context = runtime.context();
  Counts counts;
  for (const Operation& operation : tested_operations()) {
    ++counts.operations;
    for (const OpCase& op_case : cases_of(operation)) {
      ++counts.cases;
      compare_with_cpu<T>(context, operation, op_case, tolerance, counts);
    }
  }
  fmt::print("{}, {}: {} operations, {} cases, {} comparisons, worst error {:.2e}, none skipped\n", name,
             sizeof(T) == 4 ? "float" : "double", counts.operations, counts.cases, counts.comparisons, counts.worst);
  return counts;
}
template <class T> Counts compare_table(Device device, double tolerance) {
  return compare_table<T>(
      device, tolerance, name_of(device),
      [](const Operation& operation) -> const auto& { return tested_cases(operation); });
}

}  // namespace ethreed::test
