#pragma once
// Differentiable word vectors: autograd over kernels/embedding.

#include "autograd/tape.h"
#include "core/indices.h"
#include "kernels/embedding/embedding.h"

namespace ethreed {

/// y[i] = weight[ids[i]], [ids, D].
///   weight  [V, D];  ids: 0 … V − 1, repeats allowed (extended ids must have become UNK before). The ids are copied
///   where they are needed later.
/// Throws Error on an id out of range.
template <class T> Variable<T> embedding(Tape<T>& tape, Variable<T> weight, Indices ids);

}  // namespace ethreed
