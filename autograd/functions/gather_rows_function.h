#pragma once
// Differentiable selection of rows: autograd over kernels/gather_rows.

#include "autograd/tape.h"
#include "core/indices.h"
#include "kernels/gather_rows/gather_rows.h"

#include <initializer_list>

namespace ethreed {

/// Rows of x [source_rows, columns] by index: −1 … source_rows − 1, −1 gives zeros, repeats are allowed.
template <class T> struct GatherPart {
  Variable<T> x;
  Indices index;
};

/// y[i] = [x_1[index_1[i]] ; x_2[index_2[i]]], [rows, Σ columns], one or two parts with equally many indices (they may
/// read the same variable). The indices are copied.
/// Throws Error on an index out of range, on indices of different number, and on another number of parts.
template <class T> Variable<T> gather_rows(Tape<T>& tape, std::initializer_list<GatherPart<T>> parts);

}  // namespace ethreed
