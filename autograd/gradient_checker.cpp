#include "autograd/gradient_checker.h"

#include "autograd/check/gradient_comparison.h"
#include "autograd/check/invariants.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace ethreed {

namespace {

// A double gradient below this, by cotangents of size 1, is a rounded zero.
constexpr double vanishing = 1e-14;

// A float kernel makes this many roundings of the size of its inputs' own.
constexpr double float_roundings = 16;

constexpr std::uint64_t stream_perturbation = 5000;

/// One row per differentiable input.
template <class T> std::vector<InputReport> rows_of(const CheckedFunction<T>& function) {
  std::vector<InputReport> rows;
  for (const auto& input : function.inputs)
    if (input.differentiable) rows.push_back({.input = input.name});
  return rows;
}

/// Differentiable outputs side by side.
template <class T, class Array> void append(std::vector<double>& to, const Array& values) {
  for (const T value : values) to.push_back(static_cast<double>(value));
}

std::vector<double> flattened(const CheckedFunction<double>& function, const Arrays<double>& cotangents) {
  std::vector<double> flat;
  for (std::size_t o = 0; o < cotangents.size(); ++o)
    if (function.outputs[o].differentiable) append<double>(flat, cotangents[o]);
  return flat;
}

/// jacobians[input][output element][input element], by one backward with a one-hot cotangent per output element.
std::vector<Arrays<double>> full_jacobians(CheckedFunction<double>& function) {
  std::vector<Arrays<double>> jacobians(function.inputs.size());
  Arrays<double> cotangents;
  for (const auto& output : function.outputs) cotangents.emplace_back(output.data.size(), 0.0);
  function.forward();
  for (std::size_t o = 0; o < cotangents.size(); ++o) {
    if (!function.outputs[o].differentiable) continue;
    for (double& one : cotangents[o]) {
      one = 1.0;
      Arrays<double> gradients = backward(function, cotangents);
      one = 0.0;
      for (std::size_t i = 0; i < gradients.size(); ++i) jacobians[i].push_back(std::move(gradients[i]));
    }
  }
  return jacobians;
}

double root_mean_square(const Array<double>& values) {
  double squares = 0;
  for (const double value : values) squares += value * value;
  return values.empty() ? 0 : std::sqrt(squares / static_cast<double>(values.size()));
}

/// How much the gradients of `function` move (root mean square, one number per input) when everything they are computed
/// from is off by about one rounding of float: no float kernel can be asked for more.
std::vector<double> float_sensitivity(CheckedFunction<double>& function, const Arrays<double>& cotangents,
                                      const Arrays<double>& gradients, std::uint64_t seed) {
  constexpr int trials = 3;
  constexpr double unit = std::numeric_limits<float>::epsilon();
  std::vector<double> most(function.inputs.size(), 0.0);
  Arrays<double> inputs;
  for (const auto& input : function.inputs) inputs.emplace_back(input.data.begin(), input.data.end());
  std::uint64_t stream = stream_perturbation;
  for (int trial = 0; trial < trials; ++trial) {
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const Array<double> noise = uniform_values<double>(inputs[i].size(), seed, ++stream, unit);
      for (std::size_t j = 0; j < noise.size() && function.inputs[i].differentiable; ++j)
        function.inputs[i].data[j] = inputs[i][j] * (1 + noise[j]);
    }
    function.forward();
    const Arrays<double> moved = backward(function, cotangents);
    for (std::size_t i = 0; i < moved.size(); ++i) {
      Array<double> difference = moved[i];
      for (std::size_t j = 0; j < difference.size(); ++j) difference[j] -= gradients[i][j];
      most[i] = std::max(most[i], root_mean_square(difference));
    }
  }
  for (std::size_t i = 0; i < inputs.size(); ++i)
    std::copy(inputs[i].begin(), inputs[i].end(), function.inputs[i].data.begin());
  return most;
}

void compare_float(const Array<float>& got, const Array<double>& wanted, double sensitivity, double tolerance,
                   InputReport& row) {
  double scale = std::max(root_mean_square(wanted), float_roundings * sensitivity / tolerance);
  // Where the truth vanishes, float may leave some rounding units of the cotangents, which are of size 1.
  if (scale < vanishing)
    scale = float_roundings * static_cast<double>(std::numeric_limits<float>::epsilon()) / tolerance;
  InputReport worst;
  worst.error = -1;
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double a = static_cast<double>(got[i]);
    const double difference = std::abs(a - wanted[i]);
    double error = difference == 0 ? 0 : difference / std::max(std::abs(wanted[i]), scale);
    if (!std::isfinite(error)) error = std::numeric_limits<double>::infinity();
    if (error > worst.error) worst = {row.input, static_cast<std::int64_t>(i), a, wanted[i], error};
  }
  row.comparisons += static_cast<std::int64_t>(got.size());
  row.error = std::max(row.error, worst.error);
  if (got.empty()) row.detail = "no elements";
  if (row.verdict != Verdict::passed || got.empty()) return;
  row.index = worst.index;
  row.analytic = worst.analytic;
  row.numeric = worst.numeric;
  row.detail = "float against double";
  if (!(worst.error <= tolerance)) row.verdict = Verdict::wrong_gradient;
}

void copy_inputs(const CheckedFunction<float>& from, CheckedFunction<double>& to) {
  ETHREED_CHECK(from.inputs.size() == to.inputs.size(),
                "check_float_gradients: the float function has {} inputs, the double one {}", from.inputs.size(),
                to.inputs.size());
  for (std::size_t i = 0; i < from.inputs.size(); ++i) {
    ETHREED_CHECK(from.inputs[i].data.size() == to.inputs[i].data.size(),
                  "check_float_gradients: input {} has {} elements in float and {} in double", from.inputs[i].name,
                  from.inputs[i].data.size(), to.inputs[i].data.size());
    std::transform(from.inputs[i].data.begin(), from.inputs[i].data.end(), to.inputs[i].data.begin(),
                   [](float x) { return static_cast<double>(x); });
  }
}

}  // namespace

GradientReport check_gradients(CheckedFunction<double>& function, const CheckOptions& options) {
  GradientReport report{rows_of(function)};
  const Arrays<double> cotangents = random_cotangents(function, options.seed);
  const Arrays<double> gradients = check_invariants(function, cotangents, options.seed, report.inputs);
  const std::vector<double> cotangent = flattened(function, cotangents);
  const auto jacobians = options.full_jacobian ? full_jacobians(function) : std::vector<Arrays<double>>{};
  const Evaluate evaluate = [&](std::vector<double>& outputs) {
    function.forward();
    outputs.clear();
    for (const auto& output : function.outputs)
      if (output.differentiable) append<double>(outputs, output.data);
  };
  std::size_t row = 0;
  for (std::size_t i = 0; i < function.inputs.size(); ++i) {
    if (!function.inputs[i].differentiable) continue;
    GradientComparison comparison(evaluate, function.inputs[i].data, options, report.inputs[row++]);
    if (options.full_jacobian) comparison.full_jacobian(jacobians[i]);
    comparison.projections(gradients[i], cotangent);
  }
  function.forward();
  return report;
}

GradientReport check_operation(Context& context, OpProblem<double>& problem, const CheckOptions& options) {
  CheckedOperation<double> function(context, problem);
  return check_gradients(function, options);
}

GradientReport check_function(Context& context, std::vector<Operand<double>> leaves, TapeFunction<double> function,
                              const CheckOptions& options) {
  CheckedTape<double> tape(context, std::move(leaves), std::move(function));
  return check_gradients(tape, options);
}

GradientReport check_float_gradients(CheckedFunction<float>& function, CheckedFunction<double>& reference,
                                     const CheckOptions& options) {
  GradientReport report{rows_of(function)};
  copy_inputs(function, reference);
  const Arrays<float> cotangents = random_cotangents(function, options.seed);
  const Arrays<float> gradients = check_invariants(function, cotangents, options.seed, report.inputs);
  Arrays<double> same;
  for (const auto& cotangent : cotangents) same.emplace_back(cotangent.begin(), cotangent.end());
  reference.forward();
  const Arrays<double> wanted = backward(reference, same);
  const std::vector<double> sensitivity = float_sensitivity(reference, same, wanted, options.seed);
  std::size_t row = 0;
  for (std::size_t i = 0; i < function.inputs.size(); ++i)
    if (function.inputs[i].differentiable)
      compare_float(gradients[i], wanted[i], sensitivity[i], options.float_tolerance, report.inputs[row++]);
  return report;
}

GradientReport check_float_operation(Context& context, OpProblem<float>& problem, OpProblem<double>& reference,
                                     const CheckOptions& options) {
  CheckedOperation<float> function(context, problem);
  CheckedOperation<double> truth(context, reference);
  return check_float_gradients(function, truth, options);
}

GradientReport check_scalar_function(const std::function<double()>& evaluate, std::span<const NamedArray> blocks,
                                     const CheckOptions& options) {
  GradientReport report;
  const Evaluate value = [&](std::vector<double>& outputs) { outputs.assign(1, evaluate()); };
  const double one = 1;
  for (const NamedArray& block : blocks) {
    const auto count = static_cast<std::size_t>(block.count);
    const std::span<const double> gradient(block.analytic, count);
    InputReport& row = report.inputs.emplace_back(InputReport{.input = block.name});
    const auto bad = std::find_if(gradient.begin(), gradient.end(), [](double g) { return !std::isfinite(g); });
    if (bad != gradient.end()) row.reject(Verdict::not_finite, bad - gradient.begin(), *bad, 0, "gradient");
    GradientComparison comparison(value, {block.data, count}, options, row);
    comparison.projections(gradient, {&one, 1});
  }
  return report;
}

}  // namespace ethreed
