#include "autograd/check/difference_quotients.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace ethreed {

namespace {

// Rounding errors of an output, in units of the magnitude of what it is made of.
constexpr double rounding = 64 * std::numeric_limits<double>::epsilon();

double root_mean_square(std::span<const double> values) {
  double squares = 0;
  for (const double value : values) squares += value * value;
  return values.empty() ? 0 : std::sqrt(squares / static_cast<double>(values.size()));
}

}  // namespace

DifferenceQuotients::DifferenceQuotients(const Evaluate& evaluate, std::span<double> input, double step)
    : evaluate_(evaluate),
      input_(input),
      original_(input.begin(), input.end()),
      step_(step),
      magnitude_(std::min(1.0, root_mean_square(input))) {}

void DifferenceQuotients::by_element(std::int64_t element, int fineness) {
  const double x = original_[element];
  differentiate({element, {}, step_ * std::max(1.0, std::abs(x))}, fineness);
}

void DifferenceQuotients::by_direction(std::span<const double> direction, int fineness) {
  differentiate({-1, direction, step_}, fineness);
}

void DifferenceQuotients::differentiate(const Move& move, int fineness) {
  if (fineness == 0) {
    central_difference(move, move.step, slopes_);
    measure_noise();
    return;
  }
  const double step = move.step * (fineness == 1 ? 1.0 : fineness == 2 ? 0x1p-4 : 0x1p-7);
  central_difference(move, step, slopes_);
  central_difference(move, 2 * step, wider_);
  for (std::size_t o = 0; o < slopes_.size(); ++o) slopes_[o] = (4 * slopes_[o] - wider_[o]) / 3;
}

void DifferenceQuotients::central_difference(const Move& move, double step, std::vector<double>& slopes) {
  distance_ = 2 * step;
  place(move, step);
  // An element moves by what is left of the step after rounding; a direction's rounding errors average out.
  if (move.element >= 0) distance_ = input_[move.element];
  evaluate_(above_);
  place(move, -step);
  if (move.element >= 0) distance_ -= input_[move.element];
  evaluate_(below_);
  std::copy(original_.begin(), original_.end(), input_.begin());
  slopes.resize(above_.size());
  for (std::size_t o = 0; o < above_.size(); ++o) slopes[o] = (above_[o] - below_[o]) / distance_;
}

void DifferenceQuotients::place(const Move& move, double amount) {
  if (move.element >= 0) {
    const auto i = static_cast<std::size_t>(move.element);
    input_[i] = original_[i] + amount;
    return;
  }
  for (std::size_t i = 0; i < input_.size(); ++i) input_[i] = original_[i] + amount * move.direction[i];
}

double DifferenceQuotients::residue() const { return rounding * magnitude_; }

// An output may be a small difference of larger numbers. Hints at their size: the other outputs, and the input.
void DifferenceQuotients::measure_noise() {
  magnitude_ = std::max(std::min(1.0, root_mean_square(original_)), root_mean_square(above_));
  noises_.resize(above_.size());
  for (std::size_t o = 0; o < above_.size(); ++o)
    noises_[o] = above_[o] == below_[o] ? residue() : rounding * std::max(std::abs(above_[o]), magnitude_) / distance_;
}

}  // namespace ethreed
