// What holds for every operation of the table and every case of it. The gradients themselves are checked one floor up,
// in tests/autograd, where the checker lives.

#include "core/philox.h"
#include "kernels/common/operation.h"
#include "tests/kernels/allocation_count.h"

#include <fmt/format.h>
#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>

using namespace ethreed;

namespace {

constexpr std::uint64_t seed = 1;

/// Calls test(operation, op_case) for every case of the table, each in a section of its own.
template <class Test> void for_every_case(Test test) {
  for (const Operation& operation : operations())
    for (const OpCase& op_case : operation.cases()) {
      DYNAMIC_SECTION(operation.name << " / " << op_case.name) { test(operation, op_case); }
    }
}

template <class T> std::unique_ptr<OpProblem<T>> make(const OpCase& op_case) {
  if constexpr (std::is_same_v<T, float>)
    return op_case.make_float(seed);
  else
    return op_case.make_double(seed);
}

/// A problem with cotangents, and buffers for all its gradients.
template <class T> class Run {
 public:
  Run(const Operation& operation, const OpCase& op_case)
      : problem(make<T>(op_case)), differentiable_(operation.differentiable) {
    for (std::size_t o = 0; o < problem->outputs.size(); ++o) {
      const Operand<T>& output = problem->outputs[o];
      cotangents_.push_back(output.differentiable ? random_tensor<T>(output.data.shape(), seed, 1000 + o)
                                                  : Tensor<T>(output.data.shape()));
      arriving_.push_back(cotangents_.back().data());
    }
    for (const Operand<T>& input : problem->inputs) {
      gradients.emplace_back(input.data.shape());
      sinks_.push_back({input.differentiable ? gradients.back().data() : nullptr, false});
    }
  }

  void forward_and_backward(Context& context, bool accumulate = false) {
    problem->forward(context);
    if (!differentiable_) return;
    for (GradientSink<T>& sink : sinks_) sink.accumulate = accumulate;
    problem->backward(context, arriving_, sinks_);
  }

  std::unique_ptr<OpProblem<T>> problem;
  std::vector<Tensor<T>> gradients;

 private:
  bool differentiable_;
  std::vector<Tensor<T>> cotangents_;
  std::vector<const T*> arriving_;
  std::vector<GradientSink<T>> sinks_;
};

/// Outputs against the textbook: relative to the element, or to the typical element of the output where that is larger.
template <class T> void check_against_reference(const OpCase& op_case, double tolerance) {
  Runtime runtime;
  Context context = runtime.context();
  const auto problem = make<T>(op_case);
  problem->forward(context);
  const auto reference = problem->reference();
  REQUIRE(reference.size() == problem->outputs.size());
  for (std::size_t o = 0; o < reference.size(); ++o) {
    const Tensor<T>& output = problem->outputs[o].data;
    REQUIRE(static_cast<std::int64_t>(reference[o].size()) == output.count());
    double squares = 0;
    for (const double value : reference[o]) squares += value * value;
    const double typical = std::sqrt(squares / std::max<double>(1, static_cast<double>(reference[o].size())));
    for (std::int64_t i = 0; i < output.count(); ++i) {
      const double got = static_cast<double>(output[i]);
      const double wanted = reference[o][static_cast<std::size_t>(i)];
      // Written so that a NaN on either side fails.
      const bool agrees = std::abs(got - wanted) <= tolerance * std::max(std::abs(wanted), typical);
      if (agrees || got == wanted) continue;
      FAIL(problem->outputs[o].name << "[" << i << "] is " << got << ", the reference says " << wanted);
    }
  }
}

template <class T> bool same_bits(const Tensor<T>& a, const Tensor<T>& b) {
  return a.count() == b.count() &&
         (a.count() == 0 || std::memcmp(a.data(), b.data(), static_cast<std::size_t>(a.count()) * sizeof(T)) == 0);
}

template <class T> void check_threads(const Operation& operation, const OpCase& op_case) {
  Runtime one_thread(1);
  Context one = one_thread.context();
  Run<T> alone(operation, op_case);
  alone.forward_and_backward(one);
  for (const int threads : {2, 3}) {
    Runtime runtime(threads);
    Context context = runtime.context();
    Run<T> several(operation, op_case);
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
  Run<T> run(operation, op_case);
  const Cost cost = run.problem->cost();
  ThreadPool pool(2);
  Arena arena;
  Arena scratch((std::size_t{1} << 20) + 2 * static_cast<std::size_t>(cost.workspace_bytes));
  Context context{Device::cpu, pool, arena, scratch};
  run.forward_and_backward(context, false);
  run.forward_and_backward(context, true);
  CHECK(run.problem->saved_bytes() == cost.saved_bytes);
  CHECK(static_cast<std::int64_t>(scratch.peak_bytes()) == cost.workspace_bytes);
  CHECK(arena.peak_bytes() == 0);  // the step's memory is not the kernels' to take
}

template <class T> void check_allocations(const Operation& operation, const OpCase& op_case) {
  Runtime runtime(2);
  Context context = runtime.context();
  Run<T> run(operation, op_case);
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
    cases += static_cast<int>(list.size());
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
  for_every_case([](const Operation&, const OpCase& op_case) { check_against_reference<double>(op_case, 1e-10); });
}

TEST_CASE("every operation agrees with its textbook reference in float") {
  for_every_case([](const Operation&, const OpCase& op_case) { check_against_reference<float>(op_case, 2e-5); });
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
