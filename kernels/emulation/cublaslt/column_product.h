#pragma once
// A product of column-major matrices on the host: what the stand-in for cublasLt computes by. Of its own, so that the
// products of the CPU's kernels are held against another one.

#include <cstdint>

namespace ethreed {
class ThreadPool;
}

namespace ethreed::emulation {

/// D = alpha·op(A)·op(B) + beta·C, plus the bias, then no less than 0 if `relu`. Column-major, a stride between
/// columns.
///
///   a  [m, k], stored [k, m] if a_transposed        b  [k, n], stored [n, k] if b_transposed
///   c  [m, n] read unless beta is 0; may be d       d  [m, n] written        bias  [m], to every column; null for none
///
/// Every element is one chain of multiply-adds over k, first to last, whatever m, n and the threads are.
template <class T> struct ColumnProduct {
  bool a_transposed = false, b_transposed = false;
  std::int64_t m = 0, n = 0, k = 0;
  T alpha{}, beta{};
  const T* a = nullptr;
  std::int64_t lda = 0;
  const T* b = nullptr;
  std::int64_t ldb = 0;
  const T* c = nullptr;
  std::int64_t ldc = 0;
  T* d = nullptr;
  std::int64_t ldd = 0;
  const T* bias = nullptr;
  bool relu = false;
};

/// On the pool, or on this thread without one. For float and double.
template <class T> void multiply(const ColumnProduct<T>& product, ThreadPool* pool);

}  // namespace ethreed::emulation
