// The gradient of every operation of the table, in every case: in double by finite differences, in float against
// double.

#include "autograd/gradient_checker.h"
#include "kernels/common/device_problem.h"
#include "kernels/device/open_device.h"
#include "tests/tested_operations.h"

#include <fmt/format.h>
#include <catch2/catch.hpp>

#include <algorithm>
#include <string_view>

using namespace ethreed;
using test::seed;
using test::tested_cases;

namespace {

template <class Test> void for_every_differentiable_case(Test test) {
  for (const Operation& operation : operations()) {
    if (!operation.differentiable) continue;
    for (const OpCase& op_case : tested_cases(operation)) {
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

// The emulated device: the GPU's kernels, by finite differences of these kernels themselves. In three parts, which
// together are the whole table, so that they can run in parallel.

namespace {

bool is_gru(std::string_view name) { return name == "gru_sequence"; }
bool is_pointer(std::string_view name) { return name == "pointer_mixture"; }
bool is_another(std::string_view name) { return !is_gru(name) && !is_pointer(name); }

void check_emulated(bool (*wanted)(std::string_view)) {
  Runtime runtime(2);
  runtime.use(open_device(Device::emulated, runtime.pool()));
  Context context = runtime.context();
  int checked = 0, cases = 0;
  std::int64_t comparisons = 0;
  double worst = 0;
  for (const Operation& operation : operations()) {
    if (!operation.differentiable || !wanted(operation.name)) continue;
    ++checked;
    for (const OpCase& op_case : tested_cases(operation)) {
      INFO(operation.name << " / " << op_case.name);
      const auto problem = for_device(context, op_case.make_double(seed));
      const GradientReport in_double =
          check_operation(context, *problem, {.seed = seed, .full_jacobian = op_case.tiny});
      require_passed(in_double);
      const auto narrow = for_device(context, op_case.make_float(seed));
      const GradientReport in_float = check_float_operation(context, *narrow, *problem, {.seed = seed});
      require_passed(in_float);
      ++cases;
      comparisons += in_double.comparisons() + in_float.comparisons();
      worst = std::max(worst, in_double.worst_error());
    }
  }
  REQUIRE(cases > 0);
  fmt::print("emulated: {} operations, {} cases, {} comparisons, worst error in double {:.2e}, none skipped\n", checked,
             cases, comparisons, worst);
}

}  // namespace

TEST_CASE("the emulated GRU's backward is the gradient of its forward") { check_emulated(is_gru); }
TEST_CASE("the emulated pointer mixture's backward is the gradient of its forward") { check_emulated(is_pointer); }
TEST_CASE("every other emulated backward is the gradient of its forward") { check_emulated(is_another); }
