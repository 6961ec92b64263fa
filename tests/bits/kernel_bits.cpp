// Prints a fingerprint of every result of the CPU's kernels: a line for each operation, type, direction and case. The
// lines of two builds, or of two sets of kernels (ETHREED_CPU), tell which operations give the same bits in both;
// tools/compare_builds.sh compares them.
#include "core/hash.h"
#include "tests/kernels/operation_run.h"

using namespace ethreed;
using namespace ethreed::test;

namespace {

template <class T> void print_bits(Context& context, const Operation& operation, const OpCase& op_case) {
  const char* const type = sizeof(T) == 4 ? "float" : "double";
  Run<T> run(context, operation, op_case);
  run.problem->forward(context);
  Fingerprint forward;
  for (const Operand<T>& output : run.problem->outputs) forward.add<T>(output.data.span());
  fmt::print("{} forward, {}\t{}\t{}\n", operation.name, type, op_case.name, forward.text());
  if (!operation.differentiable) return;
  run.backward(context, /*accumulate=*/false);
  Fingerprint backward;
  for (std::size_t i = 0; i < run.gradients.size(); ++i)
    if (run.problem->inputs[i].differentiable) backward.add<T>(run.gradients[i].span());
  fmt::print("{} backward, {}\t{}\t{}\n", operation.name, type, op_case.name, backward.text());
}

}  // namespace

int main() try {
  Runtime runtime(2);
  Context context = runtime.context();
  for (const Operation& operation : tested_operations())
    for (const OpCase& op_case : tested_cases(operation)) {
      print_bits<float>(context, operation, op_case);
      print_bits<double>(context, operation, op_case);
    }
  return 0;
} catch (const std::exception& error) {
  fmt::print(stderr, "kernel_bits: {}\n", error.what());
  return 1;
}
