#pragma once
// history_attention: what an utterance recalls of the dialogue before it, equations (3) and (4).

#include "kernels/common/dispatch.h"
#include "kernels/common/gradient.h"
#include "kernels/common/packing.h"

namespace ethreed {

/// For every sequence of the packing (a dialogue's chain P_1, R_1, P_2, …) and every step k of it, over the steps j < k
/// of the same sequence:
///   (4) score_kj = query_k·keys_j,  β_k = softmax_j score_kj
///   (3) a_k = Σ_j β_kj values_j
/// a_0 is exactly zero: the history is empty. Q = query_columns, G = value_columns.
///
///   query   [rows, Q]      read; the utterance u
///   keys    [rows, Q]      read; W_β·g
///   values  [rows, G]      read; the global state g
///   a       [rows, G]      written; aliases nothing
///   beta    [rows, steps]  the first k entries of a row of step k are written, the others never touched; saved for the
///                          backward; aliases nothing
template <class T> struct HistoryAttentionForward {
  Packing packing;
  int query_columns = 0;
  int value_columns = 0;
  const T* query = nullptr;
  const T* keys = nullptr;
  const T* values = nullptr;
  T* a = nullptr;
  T* beta = nullptr;
};

/// dβ_kj = da_k·values_j, dscore_kj = β_kj (dβ_kj − Σ_i β_ki dβ_ki), and then dquery_k = Σ_{j < k} dscore_kj keys_j,
/// dkeys_j = Σ_{k > j} dscore_kj query_k, dvalues_j = Σ_{k > j} β_kj da_k.
///
///   forward  its inputs and beta are read
///   da       [rows, G]  read
///   dquery, dkeys, dvalues: shapes of the inputs; written or accumulated, each may be absent
///
/// FLOPs, with P = Σ_sequences n(n − 1)/2 pairs, n the length: forward 2·P·(Q + G), backward 4·P·(Q + G).
/// Bytes, with later = rows − sequences rows that have a history, and as many that are one:
/// forward (later·(2·Q + G) + rows·G + P)·sizeof(T), backward (later·(2·Q + 2·G) + rows·(2·Q + G) + P)·sizeof(T).
/// Saved: beta, rows·steps·sizeof(T). Workspace: backward sequences·steps·sizeof(T), forward none.
/// Order of reduction: a sequence is one chunk of work; sums over j and k run from first to last; dot products have a
/// fixed number of lanes.
/// On a GPU: one launch forward, a block per row of the packing; one backward, a block per sequence, or B = 2 to 4
/// where the device has room, each of which computes dscore for itself and has a share of the columns of the gradients:
/// the results do not depend on B. Workspace: backward B·rows·steps·sizeof(T), forward none. Dot products, the
/// softmax's sum and Σ_i β_ki dβ_ki are added by 32 lanes, lane l elements (dot products: groups of four where the
/// columns are a multiple of four) l, l + 32, …, and then pairwise at distances 16, 8, 4, 2, 1; all else from first to
/// last. Source: the chain rule.
template <class T> struct HistoryAttentionBackward {
  HistoryAttentionForward<T> forward;
  const T* da = nullptr;
  GradientSink<T> dquery;
  GradientSink<T> dkeys;
  GradientSink<T> dvalues;
};

ETHREED_KERNEL(history_attention_forward, HistoryAttentionForward)
ETHREED_KERNEL(history_attention_backward, HistoryAttentionBackward)

}  // namespace ethreed
