// Functions element by element: on the tape, at the door, and with wrong derivatives.

#include "autograd/functions/elementwise_function.h"
#include "autograd/functions/gather_rows_function.h"
#include "autograd/functions/linear_function.h"
#include "tests/autograd/function_checks.h"

#include <algorithm>

using namespace ethreed;
using namespace ethreed::test;
using Catch::Contains;

TEST_CASE("add, multiply and tanh on the tape have the gradients of their values") {
  check_on_tape({{3, 2}, {3, 2}}, [](Tape<double>& tape, Leaf leaf) { return Variables{add(tape, leaf[0], leaf[1])}; });
  check_on_tape({{3, 2}, {3, 2}},
                [](Tape<double>& tape, Leaf leaf) { return Variables{multiply(tape, leaf[0], leaf[1])}; });
  check_on_tape({{3, 2}}, [](Tape<double>& tape, Leaf leaf) { return Variables{tanh(tape, leaf[0])}; });
}

TEST_CASE("a variable that is both inputs gets both gradients") {
  check_on_tape({{2, 3}}, [](Tape<double>& tape, Leaf leaf) { return Variables{add(tape, leaf[0], leaf[0])}; });
  check_on_tape({{2, 3}}, [](Tape<double>& tape, Leaf leaf) { return Variables{multiply(tape, leaf[0], leaf[0])}; });
  check_on_tape({{4, 3}}, [](Tape<double>& tape, Leaf leaf) {
    return Variables{multiply(tape, tape.rows(leaf[0], 0, 2), tape.rows(leaf[0], 1, 2))};
  });
}

TEST_CASE("the sum of two gathered gate blocks, one used again, has the gradient of its value") {
  check_on_tape({{3, 4}, {2, 4}, {2, 4}}, [](Tape<double>& tape, Leaf leaf) {
    const Index words{2, 0, 2, -1}, turns{0, 0, 1, 1};
    const Variable<double> of_words = gather_rows<double>(tape, {{leaf[0], words}});
    const Variable<double> sum = add(tape, of_words, gather_rows<double>(tape, {{leaf[1], turns}}));
    return Variables{linear(tape, {tanh(tape, sum)}, leaf[2], {}), multiply(tape, sum, of_words)};
  });
}

TEST_CASE("a mask on the tape gives the product's gradient, and no mask the variable itself") {
  Tensor<double> mask = random_tensor<double>({3, 2}, 1, 50);
  for (double& m : mask.span()) m = m > 0 ? 2 : 0;
  check_on_tape({{3, 2}}, [&](Tape<double>& tape, Leaf leaf) { return Variables{masked(tape, leaf[0], mask.data())}; });

  Bench bench;
  const Variable<double> x = bench.of({3, 2});
  std::fill_n(x.data(), 6, 1.5);
  const Variable<double> dropped = masked(bench.tape, x, mask.data());
  for (std::int64_t k = 0; k < 6; ++k) CHECK(dropped.data()[k] == 1.5 * mask[k]);
  CHECK(masked(bench.tape, x, nullptr).node() == x.node());
}

TEST_CASE("functions of what wants no gradient want none, and one input may want it alone") {
  const Tensor<double> fixed = random_tensor<double>({2, 2}, 1, 51);
  check_on_tape({{2, 2}}, [&](Tape<double>& tape, Leaf leaf) {
    const Variable<double> constant = tape.constant(fixed.view());
    CHECK_FALSE(tanh(tape, constant).wants_gradient());
    return Variables{multiply(tape, constant, leaf[0])};
  });
}

TEST_CASE("functions element by element refuse shapes that differ and variables that are absent") {
  Bench b;
  CHECK_NOTHROW(add(b.tape, b.of({2, 3}), b.of({2, 3})));
  CHECK_NOTHROW(add(b.tape, b.of({0, 3}), b.of({0, 3})));
  CHECK_THROWS_WITH(add(b.tape, b.of({2, 3}), b.of({3, 2})), Contains("add: a is [2, 3], b is [3, 2]"));
  CHECK_THROWS_WITH(multiply(b.tape, b.of({2, 3}), b.of({6})), Contains("multiply: a is [2, 3], b is [6]"));
  CHECK_THROWS_WITH(add(b.tape, b.of({2, 3}), Variable<double>{}), Contains("add: variable b is absent"));
  CHECK_THROWS_WITH(multiply(b.tape, Variable<double>{}, b.of({2})), Contains("multiply: variable a is absent"));
  CHECK_THROWS_WITH(tanh(b.tape, Variable<double>{}), Contains("tanh"));
  CHECK_THROWS_WITH(masked(b.tape, Variable<double>{}, nullptr), Contains("masked"));
}

TEST_CASE("mutant: each factor of a product gets its own value for a derivative") {
  const auto report = check_damaged("elementwise", "multiply, a few", [](Gradients& g, const BackwardCall<double>& c) {
    for (std::size_t input = 0; input < 2; ++input)
      for (std::size_t k = 0; k < g[input].size(); ++k)
        g[input][k] = c.cotangents[0][k] * c.honest.inputs[input].data[k];
  });
  require_verdict(report, "a", Verdict::wrong_gradient);
  require_verdict(report, "b", Verdict::wrong_gradient);
}

TEST_CASE("mutant: a mask whose gradient passes through what was dropped") {
  const auto report = check_damaged("elementwise", "multiply, a mask", [](Gradients& g, const auto& call) {
    for (std::size_t k = 0; k < g[0].size(); ++k) g[0][k] = 2 * call.cotangents[0][k];
  });
  require_verdict(report, "a", Verdict::wrong_gradient);
}

TEST_CASE("mutant: the second term of a sum subtracted") {
  const auto report = check_damaged("elementwise", "add, a few", [](Gradients& g, const BackwardCall<double>&) {
    for (double& value : g[1]) value = -value;
  });
  require_verdict(report, "a", Verdict::passed);
  require_verdict(report, "b", Verdict::wrong_gradient);
}

TEST_CASE("mutant: tanh differentiated as 1 - y") {
  const auto report = check_damaged("elementwise", "tanh, a few", [](Gradients& g, const BackwardCall<double>& call) {
    for (std::size_t k = 0; k < g[0].size(); ++k)
      g[0][k] = call.cotangents[0][k] * (1 - call.honest.outputs[0].data[k]);
  });
  require_verdict(report, "a", Verdict::wrong_gradient);
}
