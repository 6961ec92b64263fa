#pragma once
// Analytic derivatives by one input array, held against difference quotients.

#include "autograd/check/arrays.h"
#include "autograd/check/difference_quotients.h"
#include "autograd/check/report.h"

#include <span>
#include <string>
#include <vector>

namespace ethreed {

/// Compares, and keeps the worst comparison in a row of the report. Finer quotients are tried until one agrees: a right
/// gradient agrees soon, a wrong one with none of them.
class GradientComparison {
 public:
  /// `input` is perturbed in place and restored. Keeps references to all arguments.
  GradientComparison(const Evaluate& evaluate, std::span<double> input, const CheckOptions& options, InputReport& row);

  /// Every derivative of every output: jacobian[o][i] = ∂output_o / ∂input_i.
  void full_jacobian(const Arrays<double>& jacobian);
  /// The gradient of ⟨cotangent, outputs⟩ by the input: along itself, along random directions, and by single elements,
  /// those with the largest analytic gradient and random ones. A projection that fails is bisected down to a wrong
  /// element.
  void projections(std::span<const double> gradient, std::span<const double> cotangent);

 private:
  struct Comparison {
    std::int64_t index = -1;
    double analytic = 0, numeric = 0;
    double error = -1;  // −1: nothing compared yet
    std::string words;
    bool agrees(double tolerance) const { return error <= tolerance; }
  };
  Comparison compare(double analytic, double numeric, double scale, double noise) const;
  Comparison project(double analytic, double scale, const std::function<void(int fineness)>& differentiate);
  Comparison element(std::span<const double> gradient, std::int64_t i, double scale);
  Comparison direction(std::span<const double> gradient, std::span<const double> t);
  Comparison bisect(std::span<const double> gradient, std::span<const double> t, double scale);
  std::vector<std::int64_t> sample(std::span<const double> gradient) const;
  void keep(Comparison& worst, Comparison comparison);
  void note_resolution(double derivative, double noise);
  void finish(bool vanishes);

  DifferenceQuotients quotients_;
  const CheckOptions& options_;
  InputReport& row_;
  std::span<const double> cotangent_;
  Comparison worst_element_, worst_projection_;
  bool resolved_ = false;  // would a factor of 1.001 have been seen anywhere
};

}  // namespace ethreed
