#pragma once
// KEMP's graph attention: every word of a context looks at the context's columns (concept_rows.h) along edges.
//   edges (0, every word), (every word, 0), (i, i − 1), (i, its concepts), (0, every concept)
//   l_ij = (W_q t_i + b_q)·(W_k x_j + b_k) on an edge, not scaled; elsewhere 0, or −10¹⁸ where the mask is strict
//   (a strict mask makes b_k idle: it is not there)
//   α = softmax_j l_ij over all columns of the context;  o_i = W_o Σ_j α_ij (W_v x_j + b_v) + b_o
//   t'_i = LN(t_i + o_i), with dropout of α and of o in training
// Rows of t have the width of word vectors, D_w.

#include "model/blocks/marked_table.h"
#include "model/interface/model.h"
#include "model/kemp/concept_rows.h"
#include "model/kemp/parameters.h"

namespace ethreed {

/// Is there an edge from word i of a context to its column j: `words` are its words, `owner` is ConceptRows::owner of
/// what stands behind them.
bool has_edge(int words, Indices owner, int i, int j);

/// t' [positions, D_w] of t [positions, D_w] and all columns x [columns, D_w].
template <class T>
Variable<T> graph_attention(Tape<T>& tape, const KempConfig& config, const KempParameters<Variable<T>>& p,
                            const ContextRows& contexts, const ConceptRows& rows, Variable<T> t, Variable<T> x,
                            const PassOptions& options);

}  // namespace ethreed
