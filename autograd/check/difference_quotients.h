#pragma once
// Numeric derivatives: central differences in double, in several finenesses.

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace ethreed {

/// The function that is differentiated: writes its differentiable outputs, flattened, into `outputs`.
using Evaluate = std::function<void(std::vector<double>& outputs)>;

/// The slopes of all outputs when one input array moves. The array is perturbed in place and restored to the bit.
class DifferenceQuotients {
 public:
  /// Finenesses to try one after the other: 0 is the central difference of the step; 1 is Richardson's extrapolation
  /// from the step and twice the step (against curvature); 2 and 3 are the same with steps 2⁴ and 2⁷ times smaller
  /// (against a kink nearby).
  static constexpr int finenesses = 4;

  /// Keeps references to `evaluate` and `input`.
  DifferenceQuotients(const Evaluate& evaluate, std::span<double> input, double step);

  /// Moves one element, by the step times max(1, |element|). Fills slopes().
  void by_element(std::int64_t element, int fineness);
  /// Moves the whole array along a direction of the same size. Fills slopes().
  void by_direction(std::span<const double> direction, int fineness);

  /// ∂output / ∂move, one per output.
  std::span<const double> slopes() const { return slopes_; }
  /// What rounding may make of each slope at fineness 0: 64 ε of the output's magnitude, over the distance moved; or
  /// residue() for an output that did not move at all. Valid after a fineness of 0.
  std::span<const double> noises() const { return noises_; }
  /// What rounding may leave of an analytic derivative that ought to be zero: 64 ε of the magnitude of the outputs.
  double residue() const;

 private:
  // x + amount · direction, or x[element] + amount where there is no direction.
  struct Move {
    std::int64_t element;
    std::span<const double> direction;
    double step;
  };
  void differentiate(const Move& move, int fineness);
  void central_difference(const Move& move, double step, std::vector<double>& slopes);
  void place(const Move& move, double amount);
  void measure_noise();

  const Evaluate& evaluate_;
  std::span<double> input_;
  std::vector<double> original_;
  double step_;
  double magnitude_;     // see measure_noise
  double distance_ = 0;  // of the last central difference, from below to above
  std::vector<double> above_, below_, slopes_, wider_, noises_;
};

}  // namespace ethreed
