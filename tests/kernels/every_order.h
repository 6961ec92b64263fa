#pragma once
// The emulated device's threads take turns in an order that no result may depend on.

#include "tests/kernels/agreement.h"
#include "tests/kernels/emulated_device.h"
#include "tests/kernels/same_bits.h"

namespace ethreed::test {

/// Outputs and gradients of a case in float, with the threads of every block, and the blocks, in this order.
inline std::vector<Tensor<float>> run_in_order(emulation::Order order, const Operation& operation,
                                               const OpCase& op_case) {
  emulation::Settings settings;
  settings.order = order;
  settings.check = false;  // of accesses: in whatever order, a race is one
  EmulatedDevice emulated(settings);
  Context context = emulated.context();
  Run<float> run(context, operation, op_case);
  return results_of(run, context);
}

/// Fails unless reversed and shuffled threads and blocks give the bits of the usual order.
inline void check_every_order(const Operation& operation, const OpCase& op_case) {
  INFO(operation.name << " / " << op_case.name);
  const auto wanted = run_in_order(emulation::Order::forward, operation, op_case);
  for (const emulation::Order order : {emulation::Order::reversed, emulation::Order::shuffled}) {
    const auto got = run_in_order(order, operation, op_case);
    REQUIRE(got.size() == wanted.size());
    for (std::size_t i = 0; i < wanted.size(); ++i) CHECK(same_bits(got[i], wanted[i]));
  }
}

}  // namespace ethreed::test
