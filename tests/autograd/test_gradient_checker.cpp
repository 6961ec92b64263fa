// The checker itself: right gradients pass, and each of these wrong ones is caught and called by its name.

#include "autograd/gradient_checker.h"
#include "tests/autograd/mutants.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <limits>

using namespace ethreed;
using namespace ethreed::test;

namespace {

/// linear in one of its cases, as the checker sees it. Inputs of "three parts, tanh": x0, x1, x2, weight, bias.
template <class T> struct LinearCase {
  explicit LinearCase(const OpCase& op_case) {
    if constexpr (std::is_same_v<T, float>)
      problem = op_case.make_float(1);
    else
      problem = op_case.make_double(1);
    function = std::make_unique<CheckedOperation<T>>(context, *problem);
  }
  explicit LinearCase(std::string_view name = "three parts, tanh") : LinearCase(find_case("linear", name)) {}

  Runtime runtime;
  Context context = runtime.context();
  std::unique_ptr<OpProblem<T>> problem;
  std::unique_ptr<CheckedOperation<T>> function;
};

constexpr std::size_t weight = 3, bias = 4;
using Values = std::vector<std::vector<double>>;
using Call = BackwardCall<double>;

const CheckOptions jacobian{.full_jacobian = true};
const CheckOptions projections{.full_jacobian = false};

GradientReport check_mutant(Mutant<double>::Backward backward, const CheckOptions& options = jacobian) {
  LinearCase<double> linear;
  Mutant<double> mutant(*linear.function, std::move(backward));
  return check_gradients(mutant, options);
}

void require_verdict(const GradientReport& report, std::string_view input, Verdict verdict) {
  for (const InputReport& row : report.inputs) {
    if (row.input != input) continue;
    INFO(report.text());
    CHECK(name_of(row.verdict) == name_of(verdict));
    return;
  }
  FAIL("there is no input " << input);
}

}  // namespace

TEST_CASE("an honest backward passes, by full Jacobian and by projections, tampered with or not") {
  for (const CheckOptions& options : {jacobian, projections}) {
    const GradientReport direct = check_mutant([](const Call& call) { call.run(); }, options);
    CHECK(direct.text() == "passed");
    const GradientReport copied = check_mutant(wrong_numbers<double>([](Values&, const Call&) {}), options);
    CHECK(copied.text() == "passed");
    CHECK(copied.inputs.size() == 5);
    CHECK(copied.worst_error() < options.tolerance);
  }
}

TEST_CASE("mutant: a gradient off by a factor of 1.001") {
  for (const CheckOptions& options : {jacobian, projections}) {
    const GradientReport report = check_mutant(wrong_numbers<double>([](Values& gradients, const Call&) {
                                                 for (double& g : gradients[weight]) g *= 1.001;
                                               }),
                                               options);
    require_verdict(report, "weight", Verdict::wrong_gradient);
    require_verdict(report, "bias", Verdict::passed);
    CHECK(report.worst_error() == Approx(1e-3).epsilon(0.01));
  }
}

TEST_CASE("mutant: the last row of the batch dropped from the bias") {
  const GradientReport report = check_mutant(wrong_numbers<double>([](Values& gradients, const Call& call) {
    const auto y = call.honest.outputs[0].data;
    const std::size_t out = gradients[bias].size();
    for (std::size_t j = 0; j < out; ++j) {
      const std::size_t last = y.size() - out + j;
      gradients[bias][j] -= call.cotangents[0][last] * (1 - y[last] * y[last]);
    }
  }));
  require_verdict(report, "bias", Verdict::wrong_gradient);
}

TEST_CASE("mutant: the bias without a gradient") {
  const GradientReport report = check_mutant(
      wrong_numbers<double>([](Values& gradients, const Call&) { gradients[bias].assign(gradients[bias].size(), 0); }));
  require_verdict(report, "bias", Verdict::wrong_gradient);
}

TEST_CASE("mutant: the derivative of tanh forgotten") {
  const GradientReport report = check_mutant([](const Call& call) {
    const auto y = call.honest.outputs[0].data;
    std::vector<double> undone(y.size());  // what the honest backward will multiply by 1 − y² again
    for (std::size_t i = 0; i < y.size(); ++i) undone[i] = call.cotangents[0][i] / (1 - y[i] * y[i]);
    const double* const cotangents[] = {undone.data()};
    call.honest.backward(cotangents, call.gradients);
  });
  for (const InputReport& row : report.inputs) CHECK(row.verdict == Verdict::wrong_gradient);
}

TEST_CASE("mutant: the weight read in the other orientation") {
  const GradientReport report = check_mutant([](const Call& call) {
    const auto w = call.honest.inputs[weight].data;
    const std::vector<double> kept(w.begin(), w.end());
    const std::size_t rows = call.honest.inputs[bias].data.size();
    const std::size_t columns = w.size() / rows;
    for (std::size_t o = 0; o < rows; ++o)
      for (std::size_t k = 0; k < columns; ++k) w[o * columns + k] = kept[k * rows + o];
    call.run();
    std::copy(kept.begin(), kept.end(), w.begin());
  });
  require_verdict(report, "x0", Verdict::wrong_gradient);
  require_verdict(report, "weight", Verdict::passed);
}

TEST_CASE("mutant: accumulate ignored") {
  const GradientReport report = check_mutant([](const Call& call) {
    std::vector<GradientSink<double>> sinks(call.gradients.begin(), call.gradients.end());
    for (auto& sink : sinks) sink.accumulate = false;
    call.honest.backward(call.cotangents, sinks);
  });
  for (const InputReport& row : report.inputs) CHECK(row.verdict == Verdict::not_accumulated);
}

TEST_CASE("mutant: overwrite adds to what the buffer held") {
  const GradientReport report = check_mutant([](const Call& call) {
    std::vector<GradientSink<double>> sinks(call.gradients.begin(), call.gradients.end());
    for (auto& sink : sinks) sink.accumulate = static_cast<bool>(sink);
    call.honest.backward(call.cotangents, sinks);
  });
  for (const InputReport& row : report.inputs) CHECK(row.verdict == Verdict::not_overwritten);
}

TEST_CASE("mutant: overwrite leaves the elements alone that receive nothing") {
  Runtime runtime;
  Context context = runtime.context();
  const auto problem = find_case("embedding", "repeated and absent words").make_double(1);
  CheckedOperation<double> honest(context, *problem);
  CHECK(check_gradients(honest, jacobian).passed());
  Mutant<double> mutant(honest, [](const Call& call) {
    std::vector<double> gradient(call.honest.inputs[0].data.size());
    const GradientSink<double> sink[] = {{gradient.data(), false}};
    call.honest.backward(call.cotangents, sink);
    for (std::size_t i = 0; i < gradient.size(); ++i) {
      double& to = call.gradients[0].data[i];
      if (gradient[i] != 0) to = call.gradients[0].accumulate ? to + gradient[i] : gradient[i];
    }
  });
  require_verdict(check_gradients(mutant, jacobian), "weight", Verdict::not_overwritten);
}

TEST_CASE("mutant: one element of ninety thousand off, and the report says which") {
  constexpr std::size_t wrong = 54321;
  LinearCase<double> linear("policy state");
  Mutant<double> mutant(*linear.function, wrong_numbers<double>([](Values& gradients, const Call&) {
    if (!gradients[1].empty()) gradients[1][wrong] *= 1.1;
  }));
  const GradientReport report = check_gradients(mutant, projections);
  require_verdict(report, "weight", Verdict::wrong_gradient);
  CHECK(report.inputs[1].index == wrong);
  require_verdict(report, "x0", Verdict::passed);
}

TEST_CASE("mutant: the Jacobian of a softmax cut down to its diagonal") {
  Softmax honest(false);
  CHECK(check_gradients(honest, jacobian).text() == "passed");
  CHECK(check_gradients(honest, projections).text() == "passed");
  Softmax mutant(true);
  require_verdict(check_gradients(mutant, jacobian), "x", Verdict::wrong_gradient);
  require_verdict(check_gradients(mutant, projections), "x", Verdict::wrong_gradient);
}

TEST_CASE("mutant: reset and update gate of a GRU swapped") {
  GruCell honest(false);
  CHECK(check_gradients(honest, jacobian).text() == "passed");
  GruCell mutant(true);
  const GradientReport report = check_gradients(mutant, jacobian);
  require_verdict(report, "from input", Verdict::wrong_gradient);
  require_verdict(report, "from state", Verdict::wrong_gradient);
  require_verdict(report, "h", Verdict::passed);
}

TEST_CASE("mutant: NaN in one element of a gradient") {
  const GradientReport report = check_mutant(wrong_numbers<double>([](Values& gradients, const Call&) {
    if (!gradients[0].empty()) gradients[0][1] = std::numeric_limits<double>::quiet_NaN();
  }));
  require_verdict(report, "x0", Verdict::not_finite);
  CHECK(report.inputs[0].index == 1);
  require_verdict(report, "weight", Verdict::passed);
}

TEST_CASE("mutant: NaN in an output") {
  LinearCase<double> linear;
  linear.problem->inputs[0].data[0] = std::numeric_limits<double>::quiet_NaN();
  for (const InputReport& row : check_gradients(*linear.function, jacobian).inputs)
    CHECK(row.verdict == Verdict::not_finite);
}

TEST_CASE("mutant: another last bit in every run") {
  int calls = 0;
  const GradientReport report = check_mutant(wrong_numbers<double>([&calls](Values& gradients, const Call&) {
    for (double& g : gradients[weight]) g *= 1 + (calls % 7) * std::numeric_limits<double>::epsilon();
    ++calls;
  }));
  require_verdict(report, "weight", Verdict::not_repeatable);
  require_verdict(report, "bias", Verdict::passed);
}

TEST_CASE("mutant: another last bit when asked for alone") {
  const GradientReport report = check_mutant(wrong_numbers<double>([](Values& gradients, const Call&) {
    if (gradients[weight].empty())
      for (double& g : gradients[bias]) g = std::nextafter(g, 2.0);
  }));
  require_verdict(report, "bias", Verdict::depends_on_selection);
  require_verdict(report, "weight", Verdict::passed);
}

TEST_CASE("mutant: something left at zero cotangent") {
  const GradientReport report = check_mutant(wrong_numbers<double>([](Values& gradients, const Call&) {
    for (double& g : gradients[bias]) g += 1e-15;
  }));
  require_verdict(report, "bias", Verdict::nonzero_at_zero);
}

TEST_CASE("mutant: backward changes an input, or an output") {
  const GradientReport input = check_mutant([](const Call& call) {
    call.run();
    call.honest.inputs[0].data[2] += 1e-12;
  });
  require_verdict(input, "weight", Verdict::changes_operands);
  CHECK(input.inputs[0].index == 2);
  const GradientReport output = check_mutant([](const Call& call) {
    call.run();
    call.honest.outputs[0].data[3] *= 2;
  });
  require_verdict(output, "weight", Verdict::changes_operands);
}

TEST_CASE("mutant: a gradient too small to be told from rounding is not called right") {
  Runtime runtime;
  Context context = runtime.context();
  std::vector<Operand<double>> leaves;
  leaves.push_back({"x", random_tensor<double>({3}, 1, 1)});
  leaves.push_back({"large", random_tensor<double>({1}, 1, 2)});
  const GradientReport report =
      check_function(context, std::move(leaves), [](Tape<double>& tape, std::span<const Variable<double>> leaf) {
        const double tiny = 1e-12;
        Variable<double> y = tape.result({1}, leaf[0].wants_gradient() || leaf[1].wants_gradient());
        *y.data() = leaf[1].data()[0] + tiny * leaf[0].data()[0];
        tape.record([=, x = leaf[0], large = leaf[1]](Tape<double>& t) {
          const double dy = *t.gradient(y);
          if (const auto dx = t.sink(x)) {
            for (int i = 0; i < 3; ++i) dx.data[i] = (dx.accumulate ? dx.data[i] : 0) + (i == 0 ? 2 * tiny * dy : 0);
          }
          if (const auto d = t.sink(large)) *d.data = (d.accumulate ? *d.data : 0) + dy;
        });
        return std::vector{y};
      });
  require_verdict(report, "x", Verdict::unresolved);
  require_verdict(report, "large", Verdict::passed);
}

TEST_CASE("mutant in float: a gradient off by a factor of 1.001") {
  LinearCase<float> linear;
  LinearCase<double> truth;
  CHECK(check_float_gradients(*linear.function, *truth.function).text() == "passed");
  Mutant<float> mutant(*linear.function, wrong_numbers<float>([](auto& gradients, const auto&) {
    for (float& g : gradients[weight]) g *= 1.001F;
  }));
  const GradientReport report = check_float_gradients(mutant, *truth.function);
  require_verdict(report, "weight", Verdict::wrong_gradient);
  require_verdict(report, "bias", Verdict::passed);
}

TEST_CASE("a kink next to the point does not fail a right gradient, on the kink itself it fails") {
  Runtime runtime;
  Context context = runtime.context();
  const auto report_at = [&](double x) {
    std::vector<Operand<double>> leaves;
    leaves.push_back({"x", Tensor<double>({1})});
    leaves[0].data[0] = x;
    return check_function(context, std::move(leaves), [](Tape<double>& tape, std::span<const Variable<double>> leaf) {
      Variable<double> y = tape.result({1}, leaf[0].wants_gradient());
      *y.data() = std::abs(*leaf[0].data());
      tape.record([y, in = leaf[0]](Tape<double>& t) {
        const auto dx = t.sink(in);
        const double g = *in.data() > 0 ? *t.gradient(y) : -*t.gradient(y);
        if (dx) *dx.data = (dx.accumulate ? *dx.data : 0) + g;
      });
      return std::vector{y};
    });
  };
  CHECK(report_at(1e-5).text() == "passed");
  CHECK_FALSE(report_at(0).passed());
}

TEST_CASE("the gradient of a scalar function is checked block by block") {
  // f(a, b) = Σ a_i³ + b_0 sin(b_1)
  std::vector<double> a{0.5, -1.5, 2.0}, b{0.7, 0.3};
  const auto evaluate = [&] {
    return a[0] * a[0] * a[0] + a[1] * a[1] * a[1] + a[2] * a[2] * a[2] + b[0] * std::sin(b[1]);
  };
  std::vector<double> da, db{std::sin(b[1]), b[0] * std::cos(b[1])};
  for (const double x : a) da.push_back(3 * x * x);
  const std::vector<double> kept = a;
  const auto check = [&] {
    const NamedArray blocks[] = {{"a", a.data(), 3, da.data()}, {"b", b.data(), 2, db.data()}};
    return check_scalar_function(evaluate, blocks);
  };
  CHECK(check().text() == "passed");
  CHECK(a == kept);
  db[1] *= 1.001;
  const GradientReport report = check();
  require_verdict(report, "a", Verdict::passed);
  require_verdict(report, "b", Verdict::wrong_gradient);
  CHECK(report.inputs[1].index == 1);
  CHECK(report.inputs[1].numeric == Approx(b[0] * std::cos(b[1])));
  da[2] = std::numeric_limits<double>::infinity();
  require_verdict(check(), "a", Verdict::not_finite);
}
