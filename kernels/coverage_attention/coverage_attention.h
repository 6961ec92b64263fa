#pragma once
// coverage_attention: the decoder's attention over the post with coverage inside the energy, equations (16)–(19), and
// the terms of the coverage loss (25), for whole targets at once. Only the softmax is sequential in the steps;
// everything else is one matrix product a row.

#include "kernels/common/dispatch.h"
#include "kernels/common/gradient.h"
#include "kernels/common/row_layout.h"

namespace ethreed {

inline constexpr double coverage_least_exponential = 1e-20;

/// Row by row, for target tokens i of the row in order and source tokens j of the same row (never of another one):
///   (19) cov_ij = coverage_initial_j + Σ_{i' < i} γ_{i'j}
///   (18) energy_ij = tanh(query_i·keys_j + w_r·cov_ij + b_a)
///   (17) γ_i = softmax_j energy_ij           no maximum is subtracted: tanh bounds the energies to [−1, 1]
///   (16) context_i = Σ_j γ_ij values_j
///   (25) coverage_loss_i = Σ_j min(cov_ij, γ_ij)
/// With `unbounded`, an extension of the paper's model, the energy of (18) is the argument of its tanh, and the softmax
/// subtracts its maximum. An exponential is then at least 1e-20: a word that only the pointer can say keeps a
/// probability, and −log P a finite gradient. (The backward is the softmax's, which differs by as little.) With the
/// tanh two weights of a row differ by at most e². A row may have no target tokens. D = query_columns, C =
/// value_columns, Stok, Mtok = source and target tokens of all rows, P = Σ_r M_r·S_r = layout.weights().
///
///   query             [Mtok, D]  read; s_{i−1} of each target token
///   keys              [Stok, D]  read; W_con·h_j
///   values            [Stok, C]  read; h_j
///   coverage_weight   [1]        read; w_r
///   bias              [1]        read; b_a
///   coverage_initial  [Stok]     read, or null for zeros; not differentiable. Generation passes the sum of the
///                                weights of all earlier steps, and one target token a row.
///   weights           [P]        written; γ, ragged (RowLayout)
///   context           [Mtok, C]  written
///   coverage_loss     [Mtok]     written
///   energy            [P]        written; ragged; saved for the backward
/// Nothing written aliases anything else.
template <class T> struct CoverageAttentionForward {
  RowLayout layout;
  int query_columns = 0;
  int value_columns = 0;
  bool unbounded = false;
  const T* query = nullptr;
  const T* keys = nullptr;
  const T* values = nullptr;
  const T* coverage_weight = nullptr;
  const T* bias = nullptr;
  const T* coverage_initial = nullptr;
  T* weights = nullptr;
  T* context = nullptr;
  T* coverage_loss = nullptr;
  T* energy = nullptr;
};

/// For i from last to first, with [·] 1 where it holds and 0 elsewhere (a tie of the minimum goes to γ):
///   dγ_ij   = dweights_ij + dcontext_i·values_j + [γ_ij ≤ cov_ij] dcoverage_loss_i + Σ_{i' > i} dcov_{i'j}
///   dz_ij   = γ_ij (dγ_ij − Σ_k γ_ik dγ_ik)(1 − energy_ij²)      unbounded: without the last factor
///   dcov_ij = w_r dz_ij + [cov_ij < γ_ij] dcoverage_loss_i
/// and then dquery = dz·keys, dkeys = dzᵀ·query, dvalues = γᵀ·dcontext, dw_r = Σ dz_ij cov_ij, db_a = Σ dz_ij. cov is
/// summed again from the weights, in the forward's order, so that the comparisons fall out as they did there.
///
///   forward         its inputs, weights and energy are read
///   dweights        [P]        read
///   dcontext        [Mtok, C]  read
///   dcoverage_loss  [Mtok]     read
///   dquery, dkeys, dvalues, dcoverage_weight, dbias: shapes of the inputs; written or accumulated, each may be absent
///
/// FLOPs: forward 2·P·(D + C), backward 4·P·(D + C), if everything is asked for; the softmax, some tens of operations
/// per element of P, comes on top.
/// Bytes, with Stok' the source tokens of rows that have target tokens:
/// forward (Mtok·(D + C + 1) + Stok'·(D + C) + 2·P + 2)·sizeof(T),
/// backward (Mtok·(2·D + C + 1) + (Stok + Stok')·(D + C) + 3·P + 3)·sizeof(T);
/// coverage_initial adds Stok'·sizeof(T) to either.
/// Saved: energy, P·sizeof(T). Workspace: forward Stok·sizeof(T), backward (2·P + Stok + 2·rows)·sizeof(T).
/// Order of reduction: a row is one chunk of work, its sums over j run from first to last and those over i in the order
/// given above; dw_r and db_a are summed within a row, then over the rows in order.
/// On a GPU: one launch forward; backward one, and one more if dw_r or db_a is wanted. A row is one block, or up to
/// four where the device has room: each goes through the steps for itself and has a share of the matrix products, so
/// that the results do not depend on how many there are. Shared memory per block, with the largest row: (M·S +
/// S)·sizeof(T) forward, (4·M·S + S)·sizeof(T) backward. Where that is above 96 KiB, or what the device has, the steps
/// work in global memory, to the same bits. Workspace: forward none (else Stok·sizeof(T)), backward 2·rows·sizeof(T)
/// (else as above). Sums over j are added by 32 lanes, lane l tokens l, l + 32, …, and then pairwise at distances 16,
/// 8, 4, 2, 1; dot products likewise, by groups of four columns where the columns are a multiple of four; sums over i,
/// and those that make context and dquery, run from first to last; dw_r and db_a over the rows by lanes again.
/// Source: the chain rule; See et al., "Get to the point", ACL 2017, for coverage.
template <class T> struct CoverageAttentionBackward {
  CoverageAttentionForward<T> forward;
  const T* dweights = nullptr;
  const T* dcontext = nullptr;
  const T* dcoverage_loss = nullptr;
  GradientSink<T> dquery;
  GradientSink<T> dkeys;
  GradientSink<T> dvalues;
  GradientSink<T> dcoverage_weight;
  GradientSink<T> dbias;
};

ETHREED_KERNEL(coverage_attention_forward, CoverageAttentionForward)
ETHREED_KERNEL(coverage_attention_backward, CoverageAttentionBackward)

}  // namespace ethreed
