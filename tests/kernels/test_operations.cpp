// What holds for every operation of the table and every case of it. The gradients themselves are checked one floor up,
// in tests/autograd, where the checker lives.

#include "core/indices.h"
#include "core/philox.h"
#include "kernels/common/operation.h"
#include "tests/kernels/allocation_count.h"
#include "tests/kernels/operation_run.h"

#include <fmt/format.h>
#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>

using namespace ethreed;
using namespace ethreed::test;

namespace {

template <class T> void check_threads(const Operation& operation, const OpCase& op_case) {
  Runtime one_thread(1);
  Context one = one_thread.context();
  Run<T> alone(one, operation, op_case);
  alone.forward_and_backward(one);
  for (const int threads : {2, 3}) {
    Runtime runtime(threads);
    Context context = runtime.context();
    Run<T> several(context, operation, op_case);
    several.forward_and_backward(context);
    for (std::size_t o = 0; o < alone.problem->outputs.size(); ++o) {
      INFO(threads << " threads, output " << alone.problem->outputs[o].name);
      REQUIRE(same_bits(alone.problem->outputs[o].data, several.problem->outputs[o].data));
    }
    for (std::size_t i = 0; i < alone.gradients.size(); ++i) {
      INFO(threads << " threads, gradient by " << alone.problem->inputs[i].name);
      REQUIRE(same_bits(alone.gradients[i], several.gradients[i]));
    }
  }
}

/// Runs in arenas whose first block holds everything, so that the peak is what was asked for and nothing else.
template <class T> void check_memory(const Operation& operation, const OpCase& op_case) {
  const Cost cost = make<T>(op_case)->cost();
  ThreadPool pool(2);
  Arena arena;
  Arena scratch((std::size_t{1} << 20) + 2 * static_cast<std::size_t>(cost.workspace_bytes));
  Context context{Device::cpu, pool, arena, arena, scratch};
  Run<T> run(context, operation, op_case);
  run.forward_and_backward(context, false);
  run.forward_and_backward(context, true);
  CHECK(run.problem->saved_bytes() == cost.saved_bytes);
  CHECK(static_cast<std::int64_t>(scratch.peak_bytes()) == cost.workspace_bytes);
  CHECK(arena.peak_bytes() == 0);  // the step's memory is not the kernels' to take
}

template <class T> void check_allocations(const Operation& operation, const OpCase& op_case) {
  Runtime runtime(2);
  Context context = runtime.context();
  Run<T> run(context, operation, op_case);
  run.forward_and_backward(context);
  runtime.scratch().reset();
  const std::int64_t before = test::allocation_count();
  run.forward_and_backward(context);
  CHECK(test::allocation_count() - before == 0);
}

}  // namespace

TEST_CASE("every operation has cases, and every differentiable one a tiny case for its full Jacobian") {
  std::set<std::string_view> names;
  int differentiable = 0, cases = 0, tiny = 0;
  for (const Operation& operation : operations()) {
    INFO(operation.name);
    CHECK(names.insert(operation.name).second);
    const std::vector<OpCase> list = operation.cases();
    CHECK_FALSE(list.empty());
    const auto tiny_here = std::count_if(list.begin(), list.end(), [](const OpCase& c) { return c.tiny; });
    CHECK((tiny_here > 0 || !operation.differentiable));
    std::set<std::string> case_names;
    for (const OpCase& op_case : list) CHECK(case_names.insert(op_case.name).second);
    differentiable += operation.differentiable;
    cases += count_of(list);
    tiny += static_cast<int>(tiny_here);
  }
  fmt::print("table: {} operations ({} differentiable), {} cases ({} tiny)\n", names.size(), differentiable, cases,
             tiny);
  CHECK(differentiable > 0);
}

TEST_CASE("every differentiable operation has an input and an output to differentiate in every case") {
  for_every_case([](const Operation& operation, const OpCase& op_case) {
    const auto problem = op_case.make_double(seed);
    const auto counts = [](const Operand<double>& operand) { return operand.differentiable; };
    if (!operation.differentiable) return;
    CHECK(std::any_of(problem->inputs.begin(), problem->inputs.end(), counts));
    CHECK(std::any_of(problem->outputs.begin(), problem->outputs.end(), counts));
  });
}

TEST_CASE("every operation agrees with its textbook reference in double") {
  Runtime runtime;
  Context context = runtime.context();
  for_every_case([&](const Operation&, const OpCase& op_case) {
    CHECK(distance_from_reference<double>(context, op_case) <= 1e-10);
  });
}

TEST_CASE("every operation agrees with its textbook reference in float") {
  Runtime runtime;
  Context context = runtime.context();
  for_every_case([&](const Operation&, const OpCase& op_case) {
    CHECK(distance_from_reference<float>(context, op_case) <= 2e-5);
  });
}

TEST_CASE("one, two and three threads give the same bits, forward and backward") {
  for_every_case([](const Operation& operation, const OpCase& op_case) {
    check_threads<float>(operation, op_case);
    check_threads<double>(operation, op_case);
  });
}

TEST_CASE("saved bytes and workspace are what the doc block's formulas say") {
  for_every_case([](const Operation& operation, const OpCase& op_case) {
    check_memory<float>(operation, op_case);
    check_memory<double>(operation, op_case);
  });
}

TEST_CASE("the second forward and backward of an operation takes nothing from the heap") {
  for_every_case(
      [](const Operation& operation, const OpCase& op_case) { check_allocations<float>(operation, op_case); });
}

TEST_CASE("the allocation counter sees operator new, aligned or not") {
  const std::int64_t before = test::allocation_count();
  auto small = std::make_unique<std::vector<int>>(1000);
  CHECK(test::allocation_count() > before);
  const std::int64_t between = test::allocation_count();
  const auto aligned = allocate_aligned<float>(1000);
  CHECK(test::allocation_count() > between);
  CHECK(small->size() == 1000);
  CHECK(aligned.get() != nullptr);
}
