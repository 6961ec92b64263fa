// The gradient of every operation of the table, in every case: in double by finite differences, in float against
// double.

#include "autograd/gradient_checker.h"

#include <catch2/catch.hpp>

using namespace ethreed;

namespace {

constexpr std::uint64_t seed = 1;

template <class Test> void for_every_differentiable_case(Test test) {
  for (const Operation& operation : operations()) {
    if (!operation.differentiable) continue;
    for (const OpCase& op_case : operation.cases()) {
      DYNAMIC_SECTION(operation.name << " / " << op_case.name) { test(op_case); }
    }
  }
}

void require_passed(const GradientReport& report) {
  INFO(report.text());
  REQUIRE(report.passed());
  REQUIRE_FALSE(report.inputs.empty());
  for (const InputReport& row : report.inputs) {
    INFO(row.input);
    REQUIRE((row.comparisons > 0 || row.detail == "no elements"));
  }
}

}  // namespace

TEST_CASE("every operation's backward is the gradient of its forward, in double") {
  Runtime runtime;
  Context context = runtime.context();
  for_every_differentiable_case([&](const OpCase& op_case) {
    const auto problem = op_case.make_double(seed);
    require_passed(check_operation(context, *problem, {.seed = seed, .full_jacobian = op_case.tiny}));
  });
}

TEST_CASE("every operation's float backward agrees with the double one") {
  Runtime runtime;
  Context context = runtime.context();
  for_every_differentiable_case([&](const OpCase& op_case) {
    const auto problem = op_case.make_float(seed);
    const auto reference = op_case.make_double(seed);
    require_passed(check_float_operation(context, *problem, *reference, {.seed = seed}));
  });
}
