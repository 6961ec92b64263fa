// Functions element by element: on the tape, at the door, and with wrong derivatives.

#include "autograd/functions/elementwise_function.h"
#include "autograd/functions/gather_rows_function.h"
#include "autograd/functions/linear_function.h"
#include "autograd/functions/loss_sum_function.h"
#include "tests/autograd/function_checks.h"

#include <algorithm>
#include <cmath>

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

TEST_CASE("a row or a column beside a matrix gives every element its own, and gets the sum of what they give back") {
  const auto sum_of = [](Shape of_b) {
    check_on_tape({{3, 4}, of_b}, [](Tape<double>& tape, Leaf leaf) {
      const Variable<double> product = multiply(tape, leaf[0], leaf[1]);
      return Variables{add(tape, product, leaf[1]), subtract(tape, leaf[0], leaf[1])};
    });
  };
  for (const Shape& of_b : {Shape{4}, Shape{1, 4}, Shape{3, 1}}) sum_of(of_b);

  Bench b;
  const Variable<double> x = b.of({2, 3}), row = b.of({1, 3}), column = b.of({2, 1});
  for (int k = 0; k < 3; ++k) row.data()[k] = k + 1;
  for (int i = 0; i < 2; ++i) column.data()[i] = 10.0 * (i + 1);
  const Variable<double> y = add(b.tape, add(b.tape, x, row), column);
  CHECK(std::vector<double>(y.data(), y.data() + 6) == std::vector<double>{11, 12, 13, 21, 22, 23});
  const double cotangent[] = {1, 2, 3, 4, 5, 6};
  b.tape.seed(y, cotangent);
  b.tape.run();
  const double* by_row = b.tape.gradient(row);
  const double* by_column = b.tape.gradient(column);
  CHECK(std::vector<double>(by_row, by_row + 3) == std::vector<double>{5, 7, 9});
  CHECK(std::vector<double>(by_column, by_column + 2) == std::vector<double>{6, 15});
}

TEST_CASE("activations and losses of single numbers on the tape have the gradients of their values") {
  check_on_tape({{3, 2}}, [](Tape<double>& tape, Leaf leaf) {
    return Variables{sigmoid(tape, leaf[0]),
                     gelu(tape, leaf[0]),
                     gelu_tanh(tape, leaf[0]),
                     relu(tape, leaf[0]),
                     scale(tape, exp(tape, leaf[0]), -1.5),
                     log(tape, exp(tape, leaf[0]))};
  });
  check_on_tape({{3, 2}, {3, 2}}, [](Tape<double>& tape, Leaf leaf) {
    return Variables{squared_error(tape, leaf[0], leaf[1]),
                     binary_cross_entropy(tape, leaf[0], sigmoid(tape, leaf[1]))};
  });
}

TEST_CASE("the means of squared errors and of binary cross-entropies by loss_sum have the gradients of their values") {
  check_on_tape({{3, 4}, {3, 4}}, [](Tape<double>& tape, Leaf leaf) {
    const Variable<double> target = sigmoid(tape, leaf[1]);
    const LossSum<double> mean = loss_sum<double>(tape, {{squared_error(tape, leaf[0], target), 1.0 / 12},
                                                         {binary_cross_entropy(tape, leaf[0], target), 1.0 / 12}});
    return Variables{mean.term[0], mean.term[1]};
  });
}

TEST_CASE("activations have the values that are known of them, far out too") {
  Bench b;
  const Variable<double> x = b.of({1, 5});
  const double values[] = {-40, -1, 0, 1, 40};
  std::copy_n(values, 5, x.data());
  const auto check = [&](Variable<double> y, const std::vector<double>& wanted) {
    for (std::size_t k = 0; k < 5; ++k) CHECK(y.data()[k] == Approx(wanted[k]).epsilon(1e-12).margin(1e-15));
  };
  check(relu(b.tape, x), {0, 0, 0, 1, 40});
  check(sigmoid(b.tape, x), {0, 0.268941421369995, 0.5, 0.731058578630005, 1});
  check(gelu(b.tape, x), {0, -0.158655253931457, 0, 0.841344746068543, 40});
  check(gelu_tanh(b.tape, x), {0, -0.158808009391723, 0, 0.841191990608277, 40});
  check(scale(b.tape, x, 0.5), {-20, -0.5, 0, 0.5, 20});
  const Variable<double> ones = b.of({1, 5});
  std::fill_n(ones.data(), 5, 1.0);
  check(binary_cross_entropy(b.tape, x, ones), {40, 1.313261687518223, 0.693147180559945, 0.313261687518223, 0});
}

TEST_CASE("functions element by element refuse shapes that differ and variables that are absent") {
  Bench b;
  CHECK_NOTHROW(add(b.tape, b.of({2, 3}), b.of({2, 3})));
  CHECK_NOTHROW(add(b.tape, b.of({0, 3}), b.of({0, 3})));
  CHECK_THROWS_WITH(add(b.tape, b.of({2, 3}), b.of({3, 2})), Contains("add: a is [2, 3], b is [3, 2]"));
  CHECK_THROWS_WITH(multiply(b.tape, b.of({2, 3}), b.of({6})), Contains("multiply: a is [2, 3], b is [6]"));
  CHECK_NOTHROW(add(b.tape, b.of({2, 3}), b.of({3})));
  CHECK_NOTHROW(add(b.tape, b.of({0, 3}), b.of({0, 1})));
  for (const Shape& wrong : {Shape{2}, Shape{1, 2}, Shape{3, 1}, Shape{1, 1}, Shape{}})
    CHECK_THROWS_WITH(add(b.tape, b.of({2, 3}), b.of(wrong)),
                      Contains("wanted the same shape, or of a matrix one row"));
  CHECK_THROWS_WITH(add(b.tape, b.of({1, 3}), b.of({2, 3})), Contains("add: a is [1, 3], b is [2, 3]"));
  CHECK_THROWS_WITH(add(b.tape, b.of({2, 0}), b.of({2, 1})), Contains("add: a is [2, 0], b is [2, 1]"));
  CHECK_THROWS_WITH(scale(b.tape, Variable<double>{}, 2.0), Contains("scale"));
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

TEST_CASE("mutant: a row's gradient that forgets all rows but the last") {
  const auto report = check_damaged("elementwise", "add, a row", [](Gradients& g, const BackwardCall<double>& call) {
    for (std::size_t c = 0; c < g[1].size(); ++c) g[1][c] = call.cotangents[0][2 * 4 + c];
  });
  require_verdict(report, "a", Verdict::passed);
  require_verdict(report, "b", Verdict::wrong_gradient);
}

TEST_CASE("mutant: a column's factor taken for that of the next row") {
  const auto report =
      check_damaged("elementwise", "multiply, a column", [](Gradients& g, const BackwardCall<double>& call) {
        for (std::size_t k = 0; k < g[0].size(); ++k)
          g[0][k] = call.cotangents[0][k] * call.honest.inputs[1].data[(k / 4 + 1) % 3];
      });
  require_verdict(report, "a", Verdict::wrong_gradient);
  require_verdict(report, "b", Verdict::passed);
}

TEST_CASE("mutant: gelu differentiated as if the distribution were constant, and relu as the identity") {
  const auto gelu_report = check_damaged("elementwise", "gelu, a few", [](Gradients& g, const auto& call) {
    for (std::size_t k = 0; k < g[0].size(); ++k)
      g[0][k] = call.cotangents[0][k] * call.honest.outputs[0].data[k] / call.honest.inputs[0].data[k];
  });
  require_verdict(gelu_report, "a", Verdict::wrong_gradient);
  const auto relu_report = check_damaged("elementwise", "relu, a few", [](Gradients& g, const auto& call) {
    for (std::size_t k = 0; k < g[0].size(); ++k) g[0][k] = call.cotangents[0][k];
  });
  require_verdict(relu_report, "a", Verdict::wrong_gradient);
}

TEST_CASE("mutant: binary cross-entropy with the gradient of the squared error of a probability") {
  const auto report = check_damaged("elementwise", "binary_cross_entropy, a few", [](Gradients& g, const auto& call) {
    for (std::size_t k = 0; k < g[0].size(); ++k) {
      const double p = 1 / (1 + std::exp(-call.honest.inputs[0].data[k]));
      g[0][k] *= p * (1 - p);
    }
  });
  require_verdict(report, "a", Verdict::wrong_gradient);
}

TEST_CASE("mutant: squared error with the gradient of the error, and with that of the target for its own") {
  const auto halved = check_damaged("elementwise", "squared_error, a few", [](Gradients& g, const auto& call) {
    for (std::size_t k = 0; k < g[0].size(); ++k)
      g[0][k] = call.cotangents[0][k] * (call.honest.inputs[0].data[k] - call.honest.inputs[1].data[k]);
  });
  require_verdict(halved, "a", Verdict::wrong_gradient);
  require_verdict(halved, "b", Verdict::passed);
  const auto turned = check_damaged("elementwise", "squared_error, a few", [](Gradients& g, const auto&) {
    for (double& gradient : g[1]) gradient = -gradient;
  });
  require_verdict(turned, "a", Verdict::passed);
  require_verdict(turned, "b", Verdict::wrong_gradient);
}
