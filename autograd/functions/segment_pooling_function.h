#pragma once
// Differentiable pooling of ragged segments without weights: autograd over kernels/segment_pooling. Weighted sums are
// attention_pooling's.

#include "autograd/tape.h"
#include "core/indices.h"
#include "kernels/segment_pooling/segment_pooling.h"

namespace ethreed {

/// The sum, the mean, the maximum by columns or the last of the rows offsets[s] … offsets[s + 1] − 1 of x, for every
/// segment s, [S, D]; zeros for an empty one. The gradient of a maximum goes to the first row that has it; NaN is above
/// all numbers.
///   offsets  [S + 1]  starts with 0, does not decrease; copied
///   x        [offsets[S], D]
/// Throws Error on offsets that decrease or do not fit x.
template <class T>
Variable<T> segment_pooling(Tape<T>& tape, SegmentReduction reduction, Indices offsets, Variable<T> x);

}  // namespace ethreed
