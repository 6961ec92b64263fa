#pragma once
// Does a backward compute the gradient of its forward? Checked by numbers, on three levels: an operation of the table,
// a function on the tape, and a whole loss as a function of named parameters. Nothing is skipped for its size: small
// shapes get their full Jacobian, large ones random projections ⟨v, J·t⟩ = ⟨Jᵀ·v, t⟩ and single elements.
//
// Beside the numbers, every backward is held to the rules of autograd/check/invariants.h.

#include "autograd/check/checked_function.h"
#include "autograd/check/report.h"

#include <functional>
#include <span>
#include <string>
#include <vector>

namespace ethreed {

/// Checks a function against central differences in double. Inputs are perturbed and restored.
GradientReport check_gradients(CheckedFunction<double>& function, const CheckOptions& options = {});

/// The same for an operation bound to one case; `options.full_jacobian` should be the case's `tiny`.
GradientReport check_operation(Context& context, OpProblem<double>& problem, const CheckOptions& options = {});

/// The same for a function on the tape, at the values of `leaves`.
GradientReport check_function(Context& context, std::vector<Operand<double>> leaves, TapeFunction<double> function,
                              const CheckOptions& options = {});

/// Checks a float backward kernel against the analytic gradient of the double one (which check_gradients has to vouch
/// for). The inputs of `reference` are overwritten with those of `function`, so that both are at the same point; the
/// numbers in the report are the float gradient (analytic) and the double one (numeric).
GradientReport check_float_gradients(CheckedFunction<float>& function, CheckedFunction<double>& reference,
                                     const CheckOptions& options = {});
GradientReport check_float_operation(Context& context, OpProblem<float>& problem, OpProblem<double>& reference,
                                     const CheckOptions& options = {});

/// A block of parameters of a scalar function, with the gradient that is claimed for it.
struct NamedArray {
  std::string name;
  double* data = nullptr;
  std::int64_t count = 0;
  const double* analytic = nullptr;
};

/// Checks claimed gradients of a scalar function, a model's loss for instance, block by block: along the gradient,
/// along random directions, and by single elements. `evaluate` computes the value at the current content of all blocks
/// and must be deterministic: the same noise and the same dropout at every call. Blocks are perturbed one at a time and
/// restored; their analytic gradients must not change meanwhile, so keep a copy if `evaluate` writes them. A block
/// costs two evaluations for each of its 4 directions and up to 10 elements, a few more where the first difference
/// quotient is too coarse.
GradientReport check_scalar_function(const std::function<double()>& evaluate, std::span<const NamedArray> blocks,
                                     const CheckOptions& options = {});

}  // namespace ethreed
