#pragma once
// Differentiable windows over time: autograd over kernels/time_windows.

#include "autograd/tape.h"
#include "core/indices.h"
#include "kernels/time_windows/time_windows.h"

namespace ethreed {

/// [x[t − left] ; … ; x[t − left + width − 1]] for every row t, zeros beyond its segment: [R, width·D]. linear of it,
/// with W [out, width·D], is a convolution over time whose kernel is block o of W for the neighbour t − left + o.
///   offsets  [S + 1]  rows offsets[s] … offsets[s + 1] − 1 are a segment; starts with 0 and does not decrease; copied
///   x        [R, D]   R = offsets[S]
///   width    ≥ 1; left from 0 to width − 1
/// Throws Error on offsets and numbers that do not fit.
template <class T> Variable<T> time_windows(Tape<T>& tape, Indices offsets, Variable<T> x, int width, int left);

}  // namespace ethreed
