#pragma once
// emotion_gate: how much of the reply's emotion a decoder step lets through, equation (20).

#include "core/indices.h"
#include "kernels/common/dispatch.h"
#include "kernels/common/gradient.h"

#include <cstdint>

namespace ethreed {

/// For every target token i, r its row: gate_i = tanh(s_i·key_r + b_m), one number; out_i = gate_i·emotion_r.
/// N = rows, Mtok = target_offsets[N], D = state_columns, E = emotion_columns. A row may have no target tokens.
///
///   target_offsets  [N + 1]    tokens target_offsets[r] … target_offsets[r + 1] − 1 belong to row r; starts with 0
///   s               [Mtok, D]  read; decoder states
///   key             [N, D]     read; W_emo·emo of each row
///   emotion         [N, E]     read; emo of each row
///   bias            [1]        read; b_m
///   out             [Mtok, E]  written
///   gate            [Mtok]     written; saved for the backward
/// Nothing written aliases anything else.
template <class T> struct EmotionGateForward {
  Indices target_offsets;
  int state_columns = 0;
  int emotion_columns = 0;
  const T* s = nullptr;
  const T* key = nullptr;
  const T* emotion = nullptr;
  const T* bias = nullptr;
  T* out = nullptr;
  T* gate = nullptr;

  int rows() const { return target_offsets.size() - 1; }
  int targets() const { return target_offsets.empty() ? 0 : target_offsets.back(); }
};

/// dz_i = (dout_i·emotion_r)(1 − gate_i²), and then ds_i = dz_i key_r, dkey_r = Σ_i dz_i s_i, demotion_r = Σ_i gate_i
/// dout_i over the tokens of the row, dbias = Σ_i dz_i.
///
///   forward  its inputs and gate are read
///   dout     [Mtok, E]  read
///   ds, dkey, demotion, dbias: shapes of the inputs; written or accumulated, each may be absent
///
/// FLOPs: forward Mtok·(2·D + E), backward Mtok·(3·D + 4·E).
/// Bytes, with N' the rows that have target tokens: forward (Mtok·(D + E + 1) + N'·(D + E) + 1)·sizeof(T),
/// backward (Mtok·(2·D + E + 1) + (N + N')·(D + E) + 1)·sizeof(T).
/// Saved: gate, Mtok·sizeof(T). Workspace: backward (Mtok + N)·sizeof(T), forward none.
/// Order of reduction: a row is one chunk of work, its sums are gemm's; dbias is summed within a row, then over the
/// rows in order.
/// On a GPU: one launch forward, a warp per token; one backward, a block per row, and one more if dbias is wanted.
/// Workspace as above. Dot products and dbias are added by 32 lanes, lane l elements (groups of four where the columns
/// are a multiple of four) l, l + 32, …, and then pairwise at distances 16, 8, 4, 2, 1; dkey_r and demotion_r from the
/// first token to the last; dbias over the rows as column_sums does. Source: the chain rule.
template <class T> struct EmotionGateBackward {
  EmotionGateForward<T> forward;
  const T* dout = nullptr;
  GradientSink<T> ds;
  GradientSink<T> dkey;
  GradientSink<T> demotion;
  GradientSink<T> dbias;
};

ETHREED_KERNEL(emotion_gate_forward, EmotionGateForward)
ETHREED_KERNEL(emotion_gate_backward, EmotionGateBackward)

}  // namespace ethreed
