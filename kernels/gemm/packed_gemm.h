#pragma once
// The parts of the CPU's matrix products: for kernels that multiply by the same matrix many times, and pack it once.

#include "kernels/common/dispatch.h"
#include "kernels/common/packed_matrix.h"

#include <cstddef>
#include <cstdint>

namespace ethreed {

/// Packs op(B); stored [n, k] if `transposed`, else [k, n]. `memory`: packed_elements(k, n), 64-byte aligned; it must
/// live as long as the result. On the pool of the context.
template <class T>
PackedMatrix<T> pack_matrix(Context& context, const T* b, int ldb, bool transposed, int k, int n, T* memory);

/// A packed matrix can be cut before every multiple of so many columns: as the vectors of the kernels that run here are
/// wide.
template <class T> int packed_column_step();

/// Columns [first, first + columns) of A·B, for one or several B of the same shape: C_i = A·B_i, or added to C_i.
///
///   a  [m, k] read                 b  `matrices` packed matrices [k, n]
///   c  of C_0, its column `first`; C_i begins `step` elements after C_{i−1}
///
/// `first` is a multiple of packed_column_step(); so is `columns`, unless it goes up to n. The bits are those of
/// gemm().
template <class T> struct PackedGemm {
  int m = 0;
  const T* a = nullptr;
  int lda = 0;
  const PackedMatrix<T>* b = nullptr;
  int matrices = 1;
  int first = 0, columns = 0;
  T* c = nullptr;
  int ldc = 0;
  std::ptrdiff_t step = 0;
  bool accumulate = false;
};

/// In the calling thread.
template <class T> void multiply_packed(const PackedGemm<T>& g);

// The same of one set of instructions.
#define ETHREED_PACKED_GEMM(Tag, T)                                                                        \
  template <class T> PackedMatrix<T> pack_matrix(Tag, Context&, const T*, int, bool, int, int, T* memory); \
  template <class T> int packed_column_step(Tag);                                                          \
  template <class T> void multiply_packed(Tag, const PackedGemm<T>&);
ETHREED_FOR_EACH_CPU(ETHREED_PACKED_GEMM, T)
#undef ETHREED_PACKED_GEMM

template <class T>
PackedMatrix<T> pack_matrix(Context& context, const T* b, int ldb, bool transposed, int k, int n, T* memory) {
  return on_cpu([&](auto cpu) { return pack_matrix<T>(cpu, context, b, ldb, transposed, k, n, memory); });
}
template <class T> int packed_column_step() {
  return on_cpu([](auto cpu) { return packed_column_step<T>(cpu); });
}
template <class T> void multiply_packed(const PackedGemm<T>& g) {
  on_cpu([&](auto cpu) { multiply_packed<T>(cpu, g); });
}

}  // namespace ethreed
