#pragma once
// attention: ragged multi-head attention with an exact, fused softmax; self-attention, causal and cross-attention are
// one contract. Only tiles of the logits are ever in memory.

#include "core/indices.h"
#include "core/philox.h"
#include "kernels/common/dispatch.h"
#include "kernels/common/gradient.h"

#include <cstdint>

namespace ethreed {

/// What is returned beside the output: nothing, or one number for each pair of a query and a key, averaged over heads.
enum class AttentionMean {
  none,
  logits,  ///< differentiable
  weights  ///< of the softmax, before dropout; information without a gradient
};

/// For every segment s, head h and query i of the segment, over the keys j of the same segment (causal: j ≤ i):
///   l_ij = scale·query_i·keys_j + bias_ij,  w_ij = softmax_j l_ij,  output_i = Σ_j m_ij w_ij values_j
/// with m_ij = 1, or with dropout 0 or 1/(1 − p). Query i of segment s is row query_offsets[s] + i, of which head h has
/// columns h·D … (h + 1)·D − 1; keys, values and output likewise. H = heads, D = key_width, C = value_width.
///
///   query_offsets  [segments + 1]  on the host, read; starts with 0, does not decrease. A segment without queries gets
///                                  nothing (and gives its keys and values gradients of zero).
///   key_offsets    [segments + 1]  on the host, read; the same. A segment with queries has at least one key; causal:
///                                  as many keys as queries.
///   pair_offsets   [segments + 1]  on the host, read; only with a mean or a bias: the pair (i, j) of segment s has its
///                                  number at pair_offsets[s] + i·keys of s + j
///   query          [query rows, ≥ H·D]  read; query_stride elements from one row to the next, likewise below
///   keys           [key rows, ≥ H·D]    read
///   values         [key rows, ≥ H·C]    read
///   bias           [pairs, H]           read where the query sees the key; may be absent: 0
///   output         [query rows, ≥ H·C]  written
///   log_sum_exp    [query rows, H]      written: log Σ_j e^{l_ij}; saved for the backward
///   mean           [pairs]              written if it is asked for: Σ_h l_ij / H or Σ_h w_ij / H; 0 where j > i,
///                                       causal
/// Query, keys and values may be columns of one matrix (a fused product). Nothing written overlaps anything else.
///
/// Dropout: m of key j of the segment, in the query's row r of all rows, for head h, is drawn by word j of the 2³²
/// words that belong to (r, h): random.word((r·H + h)·2³² + j) >> 8 < ⌈p·2²⁴⌉ drops it. It depends on no device.
template <class T> struct AttentionForward {
  Indices query_offsets;
  Indices key_offsets;
  Span<const std::int64_t> pair_offsets;
  int heads = 1;
  int key_width = 0;
  int value_width = 0;
  double scale = 1;
  bool causal = false;
  AttentionMean mean_of = AttentionMean::none;
  double dropout = 0;  ///< p, 0 ≤ p < 1
  PhiloxStream random{0, 0};
  const T* query = nullptr;
  int query_stride = 0;
  const T* keys = nullptr;
  int keys_stride = 0;
  const T* values = nullptr;
  int values_stride = 0;
  const T* bias = nullptr;
  T* output = nullptr;
  int output_stride = 0;
  T* log_sum_exp = nullptr;
  T* mean = nullptr;

  int segments() const { return query_offsets.empty() ? 0 : query_offsets.size() - 1; }
};

/// With the weights w_ij = e^{l_ij − log_sum_exp_i} computed again, and δ_i = doutput_i·output_i = Σ_j w_ij dw_ij:
///   dvalues_j = Σ_i m_ij w_ij doutput_i,  dw_ij = m_ij doutput_i·values_j
///   dl_ij = w_ij (dw_ij − δ_i) + dmean_ij / H,  dbias_ij = dl_ij,  dquery_i = scale Σ_j dl_ij keys_j,  dkeys_j = scale
///   Σ_i dl_ij query_i
/// over the pairs that the forward has. Of a query that sees one key, w_ij (dw_ij − δ_i) is 0, not what rounding
/// leaves.
///
///   forward  as it was called: its inputs, output and log_sum_exp are read
///   doutput  [query rows, H·C]  read; output_stride from row to row
///   dmean    [pairs]            read; with AttentionMean::logits; may be absent
///   dquery, dkeys, dvalues      written or accumulated, only the columns of the heads; strides are those of query,
///                               keys and values; each may be absent. They do not overlap each other.
///   dbias    [pairs, H]         written or accumulated, 0 where the query does not see the key; may be absent
///
/// With R query rows, K key rows, K' of them in segments that have queries, and P pairs of which the query sees the
/// key:
///
/// FLOPs: forward H·(P·(2·(D + C) + 4) + R·C), with the mean of weights 2·H·P·D more; backward H·(P·(6·D + 4·C + 6) +
/// 2·R·C); with a bias H·P more of both. Causal, the CPU computes the logits of a tile on the diagonal whole; dropout
/// and the mean come on top.
///
/// Bytes: forward H·(R·(D + C + 1) + K'·(D + C))·sizeof(T) + 8·(segments + 1), with a mean pairs·sizeof(T) more;
/// backward H·(R·(2·D + 2·C + 1) + (K + K')·(D + C))·sizeof(T) + 8·(segments + 1), with dmean P·sizeof(T) more. With a
/// bias forward H·P·sizeof(T) more, backward H·(P + pairs)·sizeof(T).
///
/// Saved: log_sum_exp, R·H·sizeof(T). Workspace: none; on the CPU tiles of 64 × 64 are on the stack, three at most.
///
/// Order of reduction: on the CPU a chunk is, forward, 64 queries of a segment and a head (with a mean: all heads,
/// added from first to last), backward a segment and a head; tiles of 64 keys go from first to last, the exponentials
/// of a tile are added by the lanes of a vector and these by halves, matrix products add as gemm says (causal, on the
/// diagonal: of 16 rows first what all see). On a device tiles are 16 queries and 32 keys; dot products go from first
/// to last, the exponentials of a tile are added by warp_sum, δ by 32 lanes and warp_sum; sums over keys or queries go
/// tile by tile, within a tile from first to last.
///
/// On a device: one launch forward, a block per tile of queries and head (with a mean per tile of queries); one
/// backward, a block per tile of queries and head (dquery, dbias) and one per tile of keys and head (dkeys, dvalues).
///
/// Source: Vaswani et al., "Attention is all you need", NeurIPS 2017; the backward by the chain rule, recomputed from
/// the log-sum-exp as in Dao et al., "FlashAttention", NeurIPS 2022.
template <class T> struct AttentionBackward {
  AttentionForward<T> forward;
  const T* doutput = nullptr;
  const T* dmean = nullptr;
  GradientSink<T> dquery;
  GradientSink<T> dkeys;
  GradientSink<T> dvalues;
  GradientSink<T> dbias;
};

ETHREED_KERNEL(attention_forward, AttentionForward)
ETHREED_KERNEL(attention_backward, AttentionBackward)

}  // namespace ethreed
