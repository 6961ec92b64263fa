#pragma once
// Outputs and gradients of an operation, held against another device's: NaN and infinities, too.

#include "tests/kernels/operation_run.h"

#include <cmath>
#include <cstdint>
#include <vector>

namespace ethreed::test {

/// Outputs and gradients of a run.
template <class T> std::vector<Tensor<T>> results_of(Run<T>& run, Context& context) {
  run.forward_and_backward(context);
  std::vector<Tensor<T>> results;
  for (const Operand<T>& output : run.problem->outputs) results.push_back(output.data.clone());
  for (Tensor<T>& gradient : run.gradients) results.push_back(gradient.clone());
  return results;
}

/// How far numbers in float may be from each other.
inline constexpr double agreement_tolerance = 1e-4;

/// Elements of `got` that are not what is wanted: NaN for NaN, infinity for infinity, numbers to rounding.
template <class T> std::int64_t disagreements(const Tensor<T>& got, const Tensor<T>& wanted) {
  double squares = 0;
  std::int64_t finite = 0, wrong = 0;
  for (const T value : wanted.span())
    if (std::isfinite(value)) {
      squares += static_cast<double>(value) * static_cast<double>(value);
      ++finite;
    }
  const double least = 4 * static_cast<double>(std::numeric_limits<T>::epsilon()) / agreement_tolerance;
  const double scale = std::max(least, std::sqrt(squares / std::max<double>(1, static_cast<double>(finite))));
  for (std::int64_t i = 0; i < wanted.count(); ++i) {
    const auto a = static_cast<double>(got[i]), b = static_cast<double>(wanted[i]);
    if (a == b || (std::isnan(a) && std::isnan(b))) continue;
    const double far = std::abs(a - b) / std::max(std::abs(b), scale);
    if (!(far <= agreement_tolerance)) ++wrong;
  }
  return wrong;
}

/// Fails for every array of outputs and gradients with such an element.
template <class T> void check_agreement(const std::vector<Tensor<T>>& got, const std::vector<Tensor<T>>& wanted) {
  REQUIRE(got.size() == wanted.size());
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    INFO("array " << i << " of outputs and gradients");
    CHECK(disagreements(got[i], wanted[i]) == 0);
  }
}

}  // namespace ethreed::test
