#pragma once
// Differentiable gate on the reply's emotion: autograd over kernels/emotion_gate, equation (20).

#include "autograd/tape.h"
#include "core/indices.h"
#include "kernels/emotion_gate/emotion_gate.h"

namespace ethreed {

/// out_i = tanh(s_i·key_r + b_m)·emotion_r for every target token i of every row r, [Mtok, E].
///   target_offsets  [N + 1]    tokens target_offsets[r] … target_offsets[r + 1] − 1 belong to row r; copied
///   s               [Mtok, D]  decoder states
///   key             [N, D]     W_emo·emo of each row
///   emotion         [N, E]     emo of each row
///   bias            [1]        b_m
/// Throws Error on offsets that do not start with 0 or decrease, and on shapes that do not fit them.
template <class T>
Variable<T> emotion_gate(Tape<T>& tape, Indices target_offsets, Variable<T> s, Variable<T> key, Variable<T> emotion,
                         Variable<T> bias);

}  // namespace ethreed
