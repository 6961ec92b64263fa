#pragma once
// linear: y = f([x_1 ; x_2 ; …]·Wᵀ + b), f the identity, tanh or GELU, over inputs side by side, without being
// copied together. Serves every W·x of the paper: (3), (6), (8)–(10), con, emo, the bottleneck and the vocabulary of
// (22), (23).

#include "kernels/common/activation.h"
#include "kernels/common/dispatch.h"
#include "kernels/common/gradient.h"
#include "kernels/common/packed_matrix.h"

#include <array>
#include <cstdint>

namespace ethreed {

inline constexpr int linear_max_parts = 3;

/// y = f(z), z = Σ_p x_p·W_pᵀ + b, W = [W_1 | W_2 | …]. Or z is added to y (`accumulate`; f the identity).
///
///   x[p]    [rows, columns[p]]            read
///   weight  [out, Σ columns]              read
///   bias    [out], or null for none       read
///   y       [rows, out]                   written; aliases nothing but z
///   z       [rows, out]                   written, with GELU alone: its backward reads it; y itself where none follows
///   packed  Wᵀ as the CPU's matrix products read it (packed_gemm.h), with the context's precision: of one part
///           and more than one output, read in place of weight, the same bits; null for none, and on a device
template <class T> struct LinearForward {
  int rows = 0;
  int out = 0;
  int parts = 1;
  std::array<int, linear_max_parts> columns{};
  std::array<const T*, linear_max_parts> x{};
  const T* weight = nullptr;
  const T* bias = nullptr;
  Activation activation = Activation::none;
  bool accumulate = false;
  T* y = nullptr;
  T* z = nullptr;
  const PackedMatrix<T>* packed = nullptr;
};

/// With dz = dy ⊙ f'(z) (tanh: 1 − y²): dx_p = dz·W_p, dW_p = dzᵀ·x_p, db = Σ_rows dz.
///
///   y       [rows, out]  read (saved from forward; only tanh needs it)
///   z       [rows, out]  read (saved from forward; only GELU needs it)
///   dy      [rows, out]  read
///   dx[p], dweight, dbias: shapes of x[p], weight, bias; written or accumulated, each may be absent
///
/// FLOPs: forward 2·rows·out·Σcolumns; backward twice that if everything is asked for.
/// Bytes: forward (rows·Σcolumns + out·Σcolumns + rows·out + out)·sizeof(T), backward
/// (2·rows·Σcolumns + 2·out·Σcolumns + rows·out + out)·sizeof(T), with tanh another rows·out·sizeof(T) for y, with GELU
/// in either for z; without a bias out·sizeof(T) less in either.
/// Saved: none beyond x and y themselves, and with GELU z. Workspace: rows·out·sizeof(T) for dz with tanh or GELU, else
/// none. Order of reduction: gemm's; db adds rows from first to last.
/// On the CPU f is the epilogue of the GEMM. On a device three parts are copied side by side and take one GEMM, fewer
/// one each; b is the epilogue of the GEMM, f a launch of its own, with b. Launches forward 1 to 3, backward up to 8:
/// dz (with tanh together with db), db, dx (GEMM and copies), dW. One output without GELU is a dot product a row
/// instead: one launch forward, two backward (linear_single.h). Workspace: dz as on the CPU; with three parts
/// rows·Σcolumns once, and again for dx. Order of reduction: gemm's; db in eight lanes of rows, see column_sums.h.
/// Source: the chain rule.
template <class T> struct LinearBackward {
  LinearForward<T> forward;
  const T* dy = nullptr;
  std::array<GradientSink<T>, linear_max_parts> dx{};
  GradientSink<T> dweight;
  GradientSink<T> dbias;
};

ETHREED_KERNEL(linear_forward, LinearForward)
ETHREED_KERNEL(linear_backward, LinearBackward)

}  // namespace ethreed
