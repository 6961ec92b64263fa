// layer_norm on the tape, by hand, at the door, at its limits, and with wrong gradients.

#include "autograd/functions/elementwise_function.h"
#include "autograd/functions/layer_norm_function.h"
#include "autograd/functions/linear_function.h"
#include "tests/autograd/function_checks.h"

#include <algorithm>
#include <cmath>
#include <limits>

using namespace ethreed;
using namespace ethreed::test;
using Catch::Contains;

namespace {

constexpr LayerNormForm usual = LayerNormForm::usual, unbiased = LayerNormForm::unbiased;

/// y of one row with γ = 1, β = 0, and dx for this dy.
struct OneRow {
  std::vector<double> y, dx;
};
OneRow one_row(LayerNormForm form, double epsilon, std::vector<double> x, const std::vector<double>& dy) {
  const auto columns = static_cast<std::int64_t>(x.size());
  Bench b;
  std::vector<double> ones(x.size(), 1.0), dx(x.size());
  const Variable<double> row = b.tape.parameter(View<double>(x.data(), {1, columns}), dx.data());
  const Variable<double> y = layer_norm(b.tape, row, b.tape.constant(View<const double>(ones.data(), {columns})),
                                        b.of({columns}), form, epsilon);
  b.tape.seed(y, dy.data());
  b.tape.run();
  return {{y.data(), y.data() + columns}, dx};
}

}  // namespace

TEST_CASE("layer_norm on the tape has the gradient of its value, and with its input used again") {
  for (const LayerNormForm form : {usual, unbiased}) {
    check_on_tape({{3, 4}, {4}, {1, 4}}, [=](Tape<double>& tape, Leaf leaf) {
      return Variables{layer_norm(tape, leaf[0], leaf[1], leaf[2], form, 1e-6)};
    });
    check_on_tape({{3, 4}, {4}, {4}, {4, 4}}, [=](Tape<double>& tape, Leaf leaf) {
      const Variable<double> normed = layer_norm(tape, leaf[0], leaf[1], leaf[2], form, 1e-6);
      return Variables{add(tape, leaf[0], linear(tape, {normed}, leaf[3], {}))};
    });
  }
}

TEST_CASE("the two forms of layer_norm differ as by hand: deviation over n or n - 1, epsilon inside or outside") {
  // c = −3, −1, 1, 3: Σ c² = 20.
  const std::vector<double> x{2, 4, 6, 8}, dy{0, 0, 0, 0};
  const OneRow inside = one_row(usual, 4.0, x, dy), outside = one_row(unbiased, 1.0, x, dy);
  for (std::size_t k = 0; k < 4; ++k) {
    CHECK(inside.y[k] == Approx((x[k] - 5) / 3.0).epsilon(1e-15));  // √(20/4 + 4) = 3
    CHECK(outside.y[k] == Approx((x[k] - 5) / (std::sqrt(20.0 / 3.0) + 1)).epsilon(1e-15));
  }
}

TEST_CASE("a row of equal elements has no deviation: its value is beta, its gradient that of the mean alone") {
  const std::vector<double> x(4, 0.75), dy{1, 2, 3, 6};  // mean of dy: 3
  const double epsilon = 1e-3;
  const OneRow row = one_row(unbiased, epsilon, x, dy), other = one_row(usual, epsilon, x, dy);
  for (std::size_t k = 0; k < 4; ++k) {
    CHECK(row.y[k] == 0);
    CHECK(other.y[k] == 0);
    CHECK(row.dx[k] == Approx((dy[k] - 3) / epsilon).epsilon(1e-14));
    CHECK(other.dx[k] == Approx((dy[k] - 3) / std::sqrt(epsilon)).epsilon(1e-14));
  }
}

TEST_CASE("a row of one element is its mean: its value is beta, and nothing but rounding comes back to it") {
  // No case of the table: a gradient of 0 that is a difference of equal numbers has no digits to compare.
  const OneRow row = one_row(usual, 1e-2, {3.7}, {1.3});
  CHECK(row.y[0] == 0);
  CHECK(std::abs(row.dx[0]) <= 1.3 * 10 * std::numeric_limits<double>::epsilon());
}

TEST_CASE("a row's norm does not depend on its batch, to the bit") {
  const Tensor<double> x = random_tensor<double>({70, 37}, 1, 0), gamma = random_tensor<double>({37}, 1, 1);
  Bench b;
  const Variable<double> scale = b.tape.constant(gamma.view()), all = b.tape.constant(x.view());
  const Variable<double> y = layer_norm(b.tape, all, scale, scale, unbiased, 1e-6);
  for (const std::int64_t row : {0, 31, 32, 69}) {
    const Variable<double> alone = layer_norm(b.tape, b.tape.rows(all, row, 1), scale, scale, unbiased, 1e-6);
    CHECK(std::equal(alone.data(), alone.data() + 37, y.data() + 37 * row));
  }
}

TEST_CASE("layer_norm refuses what has no deviation, and parameters and epsilons that do not fit") {
  Bench b;
  const auto run = [&](Shape x, Shape gamma, Shape beta, LayerNormForm form, double epsilon) {
    return layer_norm(b.tape, b.of(x), b.of(gamma), b.of(beta), form, epsilon);
  };
  CHECK_NOTHROW(run({2, 1}, {1}, {1}, usual, 1e-6));
  CHECK_NOTHROW(run({0, 3}, {3}, {1, 3}, unbiased, 1e-6));
  CHECK_THROWS_WITH(run({2, 1}, {1}, {1}, unbiased, 1e-6),
                    Contains("layer_norm: x is [2, 1]") && Contains("2 columns"));
  CHECK_THROWS_WITH(run({2, 0}, {0}, {0}, usual, 1e-6), Contains("layer_norm: x is [2, 0]"));
  CHECK_THROWS_WITH(run({6}, {6}, {6}, usual, 1e-6), Contains("x is [6], wanted [rows, columns]"));
  CHECK_THROWS_WITH(run({2, 3}, {2}, {3}, usual, 1e-6), Contains("gamma is [2], wanted [3]"));
  CHECK_THROWS_WITH(run({2, 3}, {3}, {2, 3}, usual, 1e-6), Contains("beta is [2, 3], wanted [3]"));
  CHECK_THROWS_WITH(run({2, 3}, {3}, {3}, usual, 0.0), Contains("epsilon is 0, wanted a number above 0"));
  CHECK_THROWS_WITH(run({2, 3}, {3}, {3}, usual, std::numeric_limits<double>::quiet_NaN()), Contains("epsilon is nan"));
  CHECK_THROWS_WITH(layer_norm(b.tape, b.of({2, 3}), Variable<double>{}, b.of({3}), usual, 1e-6),
                    Contains("gamma is absent"));
  CHECK_THROWS_WITH(layer_norm(b.tape, Variable<double>{}, b.of({3}), b.of({3}), usual, 1e-6), Contains("x is absent"));
  const auto into = [&](Tape<double>& tape, Shape shape) {
    return layer_norm(tape, b.of({2, 3}), b.of({3}), b.of({3}), usual, 1e-6, b.of(shape));
  };
  Tape<double> forward(b.context, false);
  CHECK_THROWS_WITH(into(forward, {2, 4}), Contains("into [2, 4], wanted [2, 3]"));
  CHECK_THROWS_WITH(into(b.tape, {2, 3}), Contains("only where nothing is recorded"));
}

TEST_CASE("mutant: layer_norm without the term by which the deviation moves") {
  for (const char* name : {"usual, two rows", "unbiased, one row"}) {
    const auto report = check_damaged("layer_norm", name, [](Gradients& g, const BackwardCall<double>& call) {
      const auto x = call.honest.inputs[0].data, gamma = call.honest.inputs[1].data;
      const std::size_t n = gamma.size();
      for (std::size_t row = 0; g[0].size() > 0 && row < x.size() / n; ++row) {
        double mean = 0, mean_h = 0, squares = 0;
        for (std::size_t k = 0; k < n; ++k) {
          mean += x[row * n + k] / static_cast<double>(n);
          mean_h += gamma[k] * call.cotangents[0][row * n + k] / static_cast<double>(n);
        }
        for (std::size_t k = 0; k < n; ++k) squares += std::pow(x[row * n + k] - mean, 2);
        for (std::size_t k = 0; k < n; ++k)
          g[0][row * n + k] =
              (gamma[k] * call.cotangents[0][row * n + k] - mean_h) / std::sqrt(squares / static_cast<double>(n));
      }
    });
    require_verdict(report, "x", Verdict::wrong_gradient);
    require_verdict(report, "gamma", Verdict::passed);
  }
}

TEST_CASE("mutant: layer_norm's gamma with the gradient of beta") {
  const auto report =
      check_damaged("layer_norm", "usual, two rows", [](Gradients& g, const BackwardCall<double>& call) {
        const std::size_t n = g[1].size();
        for (std::size_t k = 0; k < n; ++k) g[1][k] = call.cotangents[0][k] + call.cotangents[0][n + k];
      });
  require_verdict(report, "gamma", Verdict::wrong_gradient);
  require_verdict(report, "beta", Verdict::passed);
}

TEST_CASE("mutant: the unbiased layer_norm differentiated with n in place of n - 1") {
  const auto report =
      check_damaged("layer_norm", "unbiased, one row", [](Gradients& g, const BackwardCall<double>& call) {
        const auto x = call.honest.inputs[0].data, gamma = call.honest.inputs[1].data;
        const auto n = static_cast<double>(x.size());
        double mean = 0, mean_h = 0, squares = 0, along = 0;
        for (std::size_t k = 0; k < x.size(); ++k) {
          mean += x[k] / n;
          mean_h += gamma[k] * call.cotangents[0][k] / n;
        }
        for (std::size_t k = 0; k < x.size(); ++k) {
          squares += std::pow(x[k] - mean, 2);
          along += gamma[k] * call.cotangents[0][k] * (x[k] - mean);
        }
        const double s = std::sqrt(squares / (n - 1)), u = s + 1e-6;
        for (std::size_t k = 0; k < g[0].size(); ++k)
          g[0][k] = (gamma[k] * call.cotangents[0][k] - mean_h) / u - (x[k] - mean) * along / (n * s * u * u);
      });
  require_verdict(report, "x", Verdict::wrong_gradient);
}
