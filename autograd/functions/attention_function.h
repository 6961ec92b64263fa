#pragma once
// Differentiable ragged multi-head attention: autograd over kernels/attention.

#include "autograd/tape.h"
#include "kernels/attention/attention.h"

namespace ethreed {

/// Columns of a matrix from `first` on: a part of a fused product, for one, is attended where it stands.
template <class T> struct ColumnsOf {
  Variable<T> matrix;
  int first = 0;
};

/// Who attends to whom, and how; kernels/attention/attention.h has the equations.
struct AttentionSettings {
  Indices query_offsets;  ///< [segments + 1]; a segment may have no queries
  Indices key_offsets;    ///< [segments + 1]; a segment with queries has keys
  int heads = 1;
  int key_width = 0;    ///< of one head
  int value_width = 0;  ///< of one head
  double scale = 1;     ///< of query·key: 1/√key_width as a rule
  bool causal = false;  ///< query i of a segment sees keys 0 … i
  AttentionMean mean_of = AttentionMean::none;
  double dropout = 0;  ///< of the weights, 0 ≤ p < 1
  PhiloxStream random{0, 0};
};

template <class T> struct Attention {
  Variable<T> output;  ///< [query rows, heads·value_width]
  Variable<T> mean;    ///< [Σ queries·keys of each segment], averaged over heads, ragged; absent if not asked for. Of
                       ///< weights it has no gradient.
};

/// Σ_j m_ij softmax_j(scale·query_i·keys_j) values_j for every query i of a segment and each head, over the keys of the
/// same segment; with a bias it is added to scale·query_i·keys_j.
///   query   [query rows, heads·key_width]
///   keys    [key rows, heads·key_width]
///   values  [key rows, heads·value_width]
///   bias    [pairs, heads], a pair for each query and key of a segment, query by query, segment by segment; or absent
/// The three may be columns of one matrix that do not overlap. The settings' offsets are copied. Throws Error on
/// offsets, settings and shapes that do not fit.
template <class T>
Attention<T> attention(Tape<T>& tape, const AttentionSettings& settings, ColumnsOf<T> query, ColumnsOf<T> keys,
                       ColumnsOf<T> values, Variable<T> bias = {});

}  // namespace ethreed
