#pragma once
// Differentiable attention over the history of a dialogue: autograd over kernels/history_attention, equations (3) and
// (4).

#include "autograd/tape.h"
#include "kernels/history_attention/history_attention.h"

namespace ethreed {

/// a_k = Σ_{j < k} β_kj g_j, β_k = softmax_{j < k} query_k·keys_j, within each sequence of the packing; [rows, G]. The
/// first step of a sequence has nothing to recall: a_0 is exactly zero.
///   query   [rows, Q]  the utterance u
///   keys    [rows, Q]  W_β·g
///   values  [rows, G]  the global state g
/// The packing's offsets are copied. Throws Error on a packing that is not valid and on shapes that do not fit it.
template <class T>
Variable<T> history_attention(Tape<T>& tape, Packing packing, Variable<T> query, Variable<T> keys, Variable<T> values);

}  // namespace ethreed
