#pragma once
// Differentiable weighted sums of table rows: autograd over kernels/embedding_bag.

#include "autograd/tape.h"
#include "core/indices.h"
#include "kernels/embedding_bag/embedding_bag.h"

namespace ethreed {

/// y[i] = Σ_j weight[j]·table[ids[j]] over j = offsets[i] … offsets[i + 1] − 1, [offsets − 1, D]; zeros for an empty
/// bag.
///   table    [V, D]
///   offsets  from 0 to the number of ids, not decreasing; copied
///   ids      0 … V − 1, repeats allowed; copied
///   weight   as many elements as ids, in memory of the device (Context::to_device for host numbers); a constant that
///            must outlive the tape. Without data: all 1
/// Throws Error on ids out of range, offsets that do not fit, and another number of weights than of ids.
template <class T>
Variable<T> embedding_bag(Tape<T>& tape, Variable<T> table, Indices offsets, Indices ids,
                          std::type_identity_t<View<const T>> weight = {});

}  // namespace ethreed
