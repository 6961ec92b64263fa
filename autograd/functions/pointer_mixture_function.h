#pragma once
// Differentiable pointer mixture: autograd over kernels/pointer_mixture.

#include "autograd/tape.h"
#include "core/indices.h"
#include "kernels/pointer_mixture/pointer_mixture.h"

namespace ethreed {

/// log P(y) of every target word, [M], equations (21)–(24).
///   logits      [M, V]  before the softmax of (22). In the backward pass their memory becomes their gradient, so no
///                       function recorded before this one may need their values. (A parameter keeps its memory.)
///   gate_logit  [M] or [M, 1]  before the σ of (23)
///   weights     [W]     γ of (17), ragged [target, source]
///   source_ids  [S], targets [M]  extended ids: below V the vocabulary, from V on the row's out-of-vocabulary words
/// The spans, those of the layout among them, are read again by the backward: they must outlive the tape.
/// Throws Error on sizes that do not fit, negative ids, and a target ≥ V that its row's source does not contain: such a
/// word has probability 0 (it should have been mapped to UNK).
template <class T>
Variable<T> pointer_mixture(Tape<T>& tape, const RowLayout& layout, Variable<T> logits, Variable<T> gate_logit,
                            Variable<T> weights, Indices source_ids, Indices targets);

}  // namespace ethreed
