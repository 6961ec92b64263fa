#pragma once
// What the tests of single functions share: a function checked on the tape, a tape to call it on, and its operation
// with a wrong backward.

#include "autograd/gradient_checker.h"
#include "tests/autograd/mutants.h"

#include <catch2/catch.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace ethreed::test {

using Variables = std::vector<Variable<double>>;
using Leaf = std::span<const Variable<double>>;
using Index = std::vector<std::int32_t>;
using Gradients = std::vector<std::vector<double>>;

/// Checks `function` at random leaves of these shapes by its full Jacobian.
inline void check_on_tape(const std::vector<Shape>& shapes, TapeFunction<double> function) {
  std::vector<Operand<double>> leaves;
  for (std::size_t i = 0; i < shapes.size(); ++i)
    leaves.push_back({"leaf " + std::to_string(i), random_tensor<double>(shapes[i], 1, i)});
  Runtime runtime(2);
  Context context = runtime.context();
  const GradientReport report =
      check_function(context, std::move(leaves), std::move(function), {.full_jacobian = true});
  INFO(report.text());
  CHECK(report.passed());
  CHECK(report.inputs.size() == shapes.size());
  CHECK(report.comparisons() > 0);
}

/// A tape in an arena of its own, and variables for it.
struct Bench {
  Runtime runtime;
  Context context = runtime.context();
  Tape<double> tape{context};
  /// Zeros that want a gradient.
  Variable<double> of(Shape shape) {
    const Variable<double> zeros = tape.result(shape, true);
    context.clear(zeros.data(), shape.count());
    return zeros;
  }
};

/// What the checker says of one case of an operation whose gradients `damage` has changed, after it has passed the
/// honest one.
template <class Damage>
GradientReport check_damaged(std::string_view operation, std::string_view case_name, Damage damage) {
  Runtime runtime;
  Context context = runtime.context();
  const auto problem = find_case(operation, case_name).make_double(1);
  CheckedOperation<double> honest(context, *problem);
  CHECK(check_gradients(honest, {.full_jacobian = true}).text() == "passed");
  Mutant<double> mutant(honest, wrong_numbers<double>(damage));
  return check_gradients(mutant, {.full_jacobian = true});
}

inline void require_verdict(const GradientReport& report, std::string_view input, Verdict verdict) {
  for (const InputReport& row : report.inputs) {
    if (row.input != input) continue;
    INFO(report.text());
    CHECK(name_of(row.verdict) == name_of(verdict));
    return;
  }
  FAIL("there is no input " << input);
}

}  // namespace ethreed::test
