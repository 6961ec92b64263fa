#pragma once
// What every backward must keep to, in any precision, before its numbers are even looked at.

#include "autograd/check/arrays.h"
#include "autograd/check/checked_function.h"
#include "autograd/check/report.h"

#include <vector>

namespace ethreed {

/// Random cotangents of variance 1, one array per output; zeros for outputs that are not differentiable. Random and
/// unequal on purpose: a cotangent of ones would hide a softmax, whose outputs sum to one.
template <class T> Arrays<T> random_cotangents(const CheckedFunction<T>& function, std::uint64_t seed);

/// One backward in overwrite mode, asking for every differentiable gradient: one array per input, empty for the others.
template <class T> Arrays<T> backward(CheckedFunction<T>& function, const Arrays<T>& cotangents);

/// Runs forward once and backward many times, and rejects the rows (one per differentiable input, in order) that break
/// one of these rules:
///   outputs and gradients are finite · backward changes neither inputs nor outputs · equal calls give equal bits ·
///   overwrite mode takes nothing from what the buffer held (it is filled with NaN) · accumulate mode gives start +
///   gradient · a gradient asked for alone has the bits it has among the others · zero cotangents give exact zeros.
/// Returns the gradients by `cotangents`, and leaves the inputs as they were.
template <class T>
Arrays<T> check_invariants(CheckedFunction<T>& function, const Arrays<T>& cotangents, std::uint64_t seed,
                           std::vector<InputReport>& rows);

}  // namespace ethreed
