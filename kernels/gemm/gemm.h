#pragma once
// The one interface to matrix products. Backed by Eigen (gemm_eigen.cpp); a faster library replaces that file alone.

#include "core/context.h"

namespace ethreed {

/// C = op(A)·op(B), or C += op(A)·op(B). All matrices row-major with a leading dimension (elements between rows).
///
///   a  [m, k] read; stored [k, m] if a_transposed        b  [k, n] read; stored [n, k] if b_transposed
///   c  [m, n] written, or read and written if accumulate; aliases neither a nor b
///
/// FLOPs 2·m·n·k. Bytes (m·k + k·n + m·n)·sizeof(T). Saved: none. Workspace: the backend's packing buffers on the
/// stack. Order of reduction: C is cut into tiles by (m, n, k) alone and each tile is one serial product, so that the
/// number of threads does not change a bit.
template <class T> struct Gemm {
  bool a_transposed = false;
  bool b_transposed = false;
  int m = 0, n = 0, k = 0;
  const T* a = nullptr;
  int lda = 0;
  const T* b = nullptr;
  int ldb = 0;
  T* c = nullptr;
  int ldc = 0;
  bool accumulate = false;
};

/// Tiles run on the pool of the context (serially when called from inside a parallel chunk).
template <class T> void gemm(Context& context, const Gemm<T>& args);

}  // namespace ethreed
