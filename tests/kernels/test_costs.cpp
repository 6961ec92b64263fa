// The bytes of the doc blocks' formulas, held against what the kernels of the emulated device touch. The FLOPs are
// counted in tests/costs.

#include "kernels/device/open_device.h"
#include "kernels/emulation/emulation.h"
#include "tests/kernels/operation_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

using namespace ethreed;
using namespace ethreed::test;

namespace {

/// Bytes of one direction of a problem. Operands are its inputs, outputs, saved arrays, cotangents and gradients; what
/// is written before it is read counts as written alone.
struct Touched {
  std::int64_t operands = 0;  ///< read and written, each once
  std::int64_t indices = 0;   ///< of index arrays, read, each once: ids, offsets
  std::int64_t accessed = 0;  ///< of all accesses, those of workspace too
};

template <class Work> Touched touched_by(Work&& work) {
  emulation::record_traffic(true);
  work();
  emulation::record_traffic(false);
  // Operands of a DeviceProblem are managed memory. In other memory workspace is always written first: what is read
  // first has been uploaded.
  const emulation::Traffic operands = emulation::recorded_traffic(true), others = emulation::recorded_traffic(false);
  return {operands.read + operands.written, others.read, operands.accessed + others.accessed};
}

template <class T> std::array<Touched, 2> forward_and_backward(const Operation& operation, const OpCase& op_case) {
  Runtime runtime(1);
  runtime.use(open_device(Device::emulated, runtime.pool()));
  Context context = runtime.context();
  Run<T> run(context, operation, op_case);
  return {touched_by([&] { run.problem->forward(context); }), touched_by([&] { run.backward(context); })};
}

/// Operations whose inputs are picked by index: the formula counts a row as often as it is picked.
bool picks_rows(std::string_view operation) {
  return operation == "gather_rows" || operation == "embedding" || operation == "embedding_bag" ||
         operation == "attention_pooling";
}

/// What is wrong with the formula's bytes; empty if nothing is. The formula has every operand; it may have the index
/// arrays, of which the kernels read more than the ids that contracts name (offsets of rows); and nothing else.
std::string complaint(double formula, const Touched& touched, bool picks) {
  const auto operands = static_cast<double>(touched.operands), accessed = static_cast<double>(touched.accessed);
  const double most = picks ? accessed : operands + static_cast<double>(touched.indices);
  if (formula < operands) return fmt::format("{} bytes by the formula, {} of operands touched", formula, operands);
  if (formula > most) return fmt::format("{} bytes by the formula, {} at most are touched", formula, most);
  if (formula > accessed) return fmt::format("{} bytes by the formula, {} accessed", formula, accessed);
  return "";
}

/// One operation's bytes over all its cases, forward and backward.
struct Totals {
  int cases = 0;
  double formula = 0;
  std::int64_t touched = 0, accessed = 0;
};

template <class T> Totals check_bytes(const Operation& operation) {
  Totals totals;
  for (const OpCase& op_case : tested_cases(operation)) {
    ++totals.cases;
    const Cost cost = make<T>(op_case)->cost();
    const auto touched = forward_and_backward<T>(operation, op_case);
    const std::array<double, 2> formulas{cost.forward_bytes, cost.backward_bytes};
    for (std::size_t direction = 0; direction < 2; ++direction) {
      INFO(operation.name << " / " << op_case.name << (direction == 0 ? ", forward" : ", backward"));
      CHECK(complaint(formulas[direction], touched[direction], picks_rows(operation.name)) == "");
      totals.formula += formulas[direction];
      totals.touched += touched[direction].operands + touched[direction].indices;
      totals.accessed += touched[direction].accessed;
    }
  }
  return totals;
}

const Operation& operation_of(std::string_view name) {
  const auto all = operations();
  return *std::find_if(all.begin(), all.end(), [&](const Operation& operation) { return operation.name == name; });
}

}  // namespace

TEST_CASE("the doc blocks' bytes are those of the operands that the emulated kernels touch, every case") {
  if (!emulation::checked_variant()) {
    fmt::print("bytes: not counted: this build has no checked variant of the emulated kernels\n");
    return;
  }
  fmt::print("{:<22} {:>5} {:>15} {:>15} {:>15}   (float; bytes over all cases, forward and backward)\n", "operation",
             "cases", "formula", "touched", "accessed");
  for (const Operation& operation : operations()) {
    const Totals totals = check_bytes<float>(operation);
    fmt::print("{:<22} {:>5} {:>15.0f} {:>15} {:>15}\n", operation.name, totals.cases, totals.formula, totals.touched,
               totals.accessed);
    CHECK(totals.cases > 0);
    check_bytes<double>(operation);
  }
}

TEST_CASE("a formula that is one element off is found, too low or too high") {
  if (!emulation::checked_variant()) return;
  for (const std::string_view name : {"linear", "gaussian_sample", "adam", "policy_divergence"}) {
    const Operation& operation = operation_of(name);
    for (const OpCase& op_case : operation.cases()) {
      INFO(name << " / " << op_case.name);
      const auto touched = forward_and_backward<float>(operation, op_case);
      const double right = make<float>(op_case)->cost().forward_bytes;
      CHECK(complaint(right, touched[0], false) == "");
      CHECK(complaint(right - sizeof(float), touched[0], false) != "");
      CHECK(complaint(right + sizeof(float), touched[0], false) != "");
    }
  }
}

TEST_CASE("of operations that pick rows a formula is found that lacks an element, or has more than is accessed") {
  if (!emulation::checked_variant()) return;
  for (const std::string_view name : {"gather_rows", "embedding", "embedding_bag", "attention_pooling"}) {
    const Operation& operation = operation_of(name);
    for (const OpCase& op_case : operation.cases()) {
      INFO(name << " / " << op_case.name);
      for (const Touched& touched : forward_and_backward<float>(operation, op_case)) {
        const auto operands = static_cast<double>(touched.operands), accessed = static_cast<double>(touched.accessed);
        CHECK(complaint(operands - sizeof(float), touched, true) != "");
        CHECK(complaint(accessed + sizeof(float), touched, true) != "");
      }
    }
  }
}
