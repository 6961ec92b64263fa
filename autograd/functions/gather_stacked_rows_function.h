#pragma once
// Differentiable selection of rows from two tensors one above the other: autograd over kernels/gather_rows.

#include "autograd/tape.h"
#include "core/indices.h"

#include <cstdint>

namespace ethreed {

/// y[i] = [top / bottom][index[i]]: row index[i] of `top` if index[i] < top.rows(), else row index[i] − top.rows() of
/// `bottom`. Serves s_{i−1} of (18): s_0 comes from con, the later ones from the decoder GRU. Throws Error on an index
/// out of range and on different numbers of columns.
template <class T> Variable<T> gather_stacked_rows(Tape<T>& tape, Variable<T> top, Variable<T> bottom, Indices index);

}  // namespace ethreed
