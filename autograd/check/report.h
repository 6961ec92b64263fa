#pragma once
// What a gradient check says: one row per input, and how strict it was.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ethreed {

/// Why an input failed. Where several reasons apply, the report names the first one in this order.
enum class Verdict {
  passed,
  not_finite,            ///< an output or the gradient holds a NaN or an infinity
  changes_operands,      ///< backward altered an input or an output
  not_repeatable,        ///< two equal backward calls gave different bits
  not_overwritten,       ///< in overwrite mode the result depends on what the buffer held before
  not_accumulated,       ///< in accumulate mode the result is not start + gradient
  depends_on_selection,  ///< asked for alone, the gradient has other bits than asked for with all others
  nonzero_at_zero,       ///< a cotangent of zeros did not give a gradient of exact zeros
  wrong_gradient,        ///< analytic and numeric gradient differ by more than the tolerance
  unresolved,            ///< the gradient drowns in rounding noise everywhere: nothing could be compared
};

/// "passed", "wrong gradient", …
std::string_view name_of(Verdict verdict);

struct CheckOptions {
  std::uint64_t seed = 1;  ///< of cotangents, directions, sampled elements and of what fills buffers beforehand

  /// Full Jacobian: every derivative of every output by every input element. Otherwise random projections and elements.
  bool full_jacobian = false;
  int random_projections = 3;  ///< in addition to one along the gradient itself
  int largest_elements = 5;    ///< single elements with the largest analytic gradient, and
  int random_elements = 5;     ///< some drawn at random

  /// Step of the central difference for elements up to 1 (larger elements: times their magnitude). A power of two, so
  /// that x ± step is nearly always exact. Truncation step²/6·f''' ≈ 2e-9, rounding ≈ 2e-16·|f|/step ≈ 2e-12·|f|.
  double step = 0x1p-13;
  /// Bound on |analytic − numeric| / max(|analytic|, |numeric|, scale). `scale` is 1e-3 of the input's largest
  /// derivative (a projection: the root of the sum of its squared terms), or noise / tolerance if that is more: below
  /// the rounding noise of the difference quotient nothing can be claimed. A factor of 1.001 is ten thousand times the
  /// bound.
  double tolerance = 1e-7;
  /// Bound for the float kernel against the double one on the same inputs: |float − double| / max(|double|, scale).
  /// `scale` is the root mean square of the input's gradient; or, if that is more, so much that the bound is 16 times
  /// what one rounding of the inputs to float does to the double gradient (where large terms cancel).
  double float_tolerance = 1e-4;
};

/// The check of one input. The numbers are those of its worst comparison, or of the one that failed first.
struct InputReport {
  std::string input;
  std::int64_t index = -1;  ///< element of the input; −1: none (a projection)
  double analytic = 0;
  double numeric = 0;  ///< what `analytic` was compared with
  double error = 0;
  std::int64_t comparisons = 0;
  Verdict verdict = Verdict::passed;
  std::string detail;  ///< what was compared, or what failed, in words

  /// Records a failure unless there is an earlier one.
  void reject(Verdict reason, std::int64_t at, double got, double wanted, std::string words);
};

struct GradientReport {
  std::vector<InputReport> inputs;  ///< one per differentiable input

  bool passed() const;
  std::int64_t comparisons() const;
  double worst_error() const;
  /// The first failure in one line, or "passed".
  std::string text() const;
};

}  // namespace ethreed
