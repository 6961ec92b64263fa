#pragma once
// Differentiable split of a matrix by columns: autograd over kernels/slice_columns.

#include "autograd/tape.h"
#include "kernels/slice_columns/slice_columns.h"

namespace ethreed {

/// Columns first … first + count − 1 of x [N, D], as [N, count]. Several slices split x; they may overlap, and their
/// gradients add up. Rows are Tape::rows's.
/// Throws Error on an x that is no matrix and on columns that are not all there.
template <class T> Variable<T> slice_columns(Tape<T>& tape, Variable<T> x, int first, int count);

}  // namespace ethreed
