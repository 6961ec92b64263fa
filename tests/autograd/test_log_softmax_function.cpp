// log_softmax and softmax on the tape, at the door, at their limits, and with wrong gradients.

#include "autograd/functions/elementwise_function.h"
#include "autograd/functions/linear_function.h"
#include "autograd/functions/log_softmax_function.h"
#include "autograd/functions/softmax_cross_entropy_function.h"
#include "tests/autograd/function_checks.h"

#include <cmath>
#include <limits>
#include <numeric>

using namespace ethreed;
using namespace ethreed::test;
using Catch::Contains;

TEST_CASE("log_softmax on the tape, of logits made by linear, has the gradient of its value") {
  check_on_tape({{3, 2}, {4, 2}}, [](Tape<double>& tape, Leaf leaf) {
    return Variables{log_softmax(tape, linear(tape, {leaf[0]}, leaf[1], {}))};
  });
}

TEST_CASE("log_softmax twice is log_softmax once, and the gradient through both is that of one") {
  check_on_tape({{3, 4}},
                [](Tape<double>& tape, Leaf leaf) { return Variables{log_softmax(tape, log_softmax(tape, leaf[0]))}; });
  Bench b;
  const Tensor<double> x = random_tensor<double>({3, 4}, 1, 0);
  const Variable<double> once = log_softmax(b.tape, b.tape.constant(x.view()));
  const Variable<double> twice = log_softmax(b.tape, once);
  for (int k = 0; k < 12; ++k) CHECK(twice.data()[k] == Approx(once.data()[k]).epsilon(1e-14));
}

TEST_CASE("log_softmax and softmax_cross_entropy agree on every label, at logits of a thousand too") {
  for (const double offset : {0.0, 1000.0, -1000.0}) {
    Bench b;
    Tensor<double> x = random_tensor<double>({1, 7}, 3, 0);
    for (double& value : x.span()) value += offset;
    const Variable<double> logits = b.tape.constant(View<const double>(x.view()));
    const Variable<double> y = log_softmax(b.tape, logits);
    for (std::int32_t label = 0; label < 7; ++label) {
      const Index labels{label};
      CHECK(y.data()[label] == -softmax_cross_entropy<double>(b.tape, logits, labels).data()[0]);
    }
  }
}

TEST_CASE("in float, the probabilities of 25 000 words far from zero sum to one") {
  Runtime runtime;
  Context context = runtime.context();
  Tensor<float> x = random_tensor<float>({2, 25'000}, 1, 0, 3.0), y({2, 25'000});
  for (std::int64_t k = 25'000; k < 50'000; ++k) x[k] += 1000.0F;
  log_softmax_forward<float>(context, {.rows = 2, .columns = 25'000, .x = x.data(), .y = y.data()});
  for (std::int64_t row = 0; row < 2; ++row) {
    double sum = 0;
    for (std::int64_t k = 0; k < 25'000; ++k) sum += std::exp(static_cast<double>(y[row * 25'000 + k]));
    CHECK(sum == Approx(1.0).epsilon(2e-6));
  }
}

TEST_CASE("what is excluded by minus infinity has no probability and gets no gradient from the others") {
  Bench b;
  Tensor<double> x({1, 3});
  x[1] = -std::numeric_limits<double>::infinity();
  std::vector<double> dx(3);
  const Variable<double> y = log_softmax(b.tape, b.tape.parameter(x.view(), dx.data()));
  CHECK(y.data()[0] == Approx(-std::log(2.0)).epsilon(1e-15));
  CHECK(y.data()[1] == x[1]);
  const double cotangent[] = {1, 0, 0};
  b.tape.seed(y, cotangent);
  b.tape.run();
  CHECK(dx[0] == Approx(0.5).epsilon(1e-15));
  CHECK(dx[1] == 0);
  CHECK(dx[2] == Approx(-0.5).epsilon(1e-15));
}

TEST_CASE("softmax on the tape, of logits made by linear, has the gradient of its value") {
  check_on_tape({{3, 2}, {4, 2}}, [](Tape<double>& tape, Leaf leaf) {
    return Variables{softmax(tape, linear(tape, {leaf[0]}, leaf[1], {}))};
  });
}

TEST_CASE("softmax is exp of log_softmax, to the bit, and what minus infinity excludes has probability 0") {
  Bench b;
  Tensor<double> x = random_tensor<double>({3, 7}, 1, 0, 4.0);
  x[2] = -std::numeric_limits<double>::infinity();
  const Variable<double> logits = b.tape.constant(x.view());
  const Variable<double> p = softmax(b.tape, logits), wanted = exp(b.tape, log_softmax(b.tape, logits));
  for (int k = 0; k < 21; ++k) CHECK(p.data()[k] == wanted.data()[k]);
  CHECK(p.data()[2] == 0);
  for (int row = 0; row < 3; ++row)
    CHECK(std::accumulate(p.data() + 7 * row, p.data() + 7 * row + 7, 0.0) == Approx(1).epsilon(1e-14));
}

TEST_CASE("softmax and log_softmax refuse what has no rows of elements") {
  Bench other;
  CHECK_NOTHROW(softmax(other.tape, other.of({0, 3})));
  CHECK_THROWS_WITH(softmax(other.tape, other.of({3, 0})), Contains("softmax: x is [3, 0]"));
  CHECK_THROWS_WITH(softmax(other.tape, Variable<double>{}), Contains("softmax: x is absent"));

  Bench b;
  CHECK_NOTHROW(log_softmax(b.tape, b.of({0, 3})));
  CHECK_THROWS_WITH(log_softmax(b.tape, b.of({3, 0})), Contains("log_softmax: x is [3, 0]"));
  CHECK_THROWS_WITH(log_softmax(b.tape, b.of({3})), Contains("x is [3], wanted [rows, columns]"));
  CHECK_THROWS_WITH(log_softmax(b.tape, Variable<double>{}), Contains("absent"));
}

TEST_CASE("mutant: log_softmax whose sum of cotangents is left out") {
  const auto report = check_damaged("log_softmax", "two rows", [](Gradients& g, const BackwardCall<double>& call) {
    for (std::size_t k = 0; k < g[0].size(); ++k) g[0][k] = call.cotangents[0][k];
  });
  require_verdict(report, "x", Verdict::wrong_gradient);
}

TEST_CASE("mutant: log_softmax cut down to the diagonal of its Jacobian") {
  const auto report = check_damaged("log_softmax", "two rows", [](Gradients& g, const BackwardCall<double>& call) {
    for (std::size_t k = 0; k < g[0].size(); ++k)
      g[0][k] = call.cotangents[0][k] * (1 - std::exp(call.honest.outputs[0].data[k]));
  });
  require_verdict(report, "x", Verdict::wrong_gradient);
}

namespace {

/// Of the case of softmax with two rows of 5 columns: damage(y, dy, Σ y·dy of the row) in the place of its gradient.
template <class Damage> void require_softmax_caught(Damage damage) {
  const auto report =
      check_damaged("log_softmax", "probabilities, two rows", [&](Gradients& g, const BackwardCall<double>& call) {
        const auto y = call.honest.outputs[0].data;
        for (std::size_t k = 0; k < g[0].size(); ++k) {
          double sum = 0;
          for (std::size_t j = k / 5 * 5; j < k / 5 * 5 + 5; ++j) sum += y[j] * call.cotangents[0][j];
          g[0][k] = damage(y[k], call.cotangents[0][k], sum);
        }
      });
  require_verdict(report, "x", Verdict::wrong_gradient);
}

}  // namespace

TEST_CASE("mutant: softmax without the mean that it takes off") {
  require_softmax_caught([](double y, double dy, double) { return y * dy; });
}

TEST_CASE("mutant: softmax with the mean taken off unweighted") {
  require_softmax_caught([](double y, double dy, double sum) { return y * dy - sum; });
}

TEST_CASE("mutant: softmax with the gradient of its logarithms") {
  require_softmax_caught([](double y, double dy, double sum) { return dy - std::exp(y) * sum; });
}
