#pragma once
// The one interface to matrix products (GEMM). On the CPU our own (gemm_cpu.cpp), on the GPU by cublasLt (gemm_cuda.cu;
// in emulation by a stand-in for that). A faster library replaces one of these files alone. packed_gemm.h has the CPU's
// matrix products with a matrix that is packed once.

#include "kernels/common/dispatch.h"
#include "kernels/common/packed_matrix.h"

#include <string_view>

namespace ethreed {

/// C = op(A)·op(B), or C += op(A)·op(B). All matrices row-major with a leading dimension (elements between rows).
///
///   a  [m, k] read; stored [k, m] if a_transposed        b  [k, n] read; stored [n, k] if b_transposed
///   c  [m, n] written, or read and written if accumulate; aliases neither a nor b
///   bias  [n] read, added to every row of c; null for none
///   packed_b  op(B) packed with the precision of the context (packed_gemm.h), n > 1: read in place
///             of b, the same bits; null for none. The CPU's alone
///   stream  of the device: 0, or 1 between fork() and join() of the runtime; the CPU has none
///
/// FLOPs 2·m·n·k. Bytes (m·k + k·n + m·n)·sizeof(T). Saved: none. Workspace: on the CPU packing buffers of fixed size
/// in every thread, on the GPU that of cublasLt, taken once for each stream. Order of reduction: on the CPU every
/// element of C is one chain of multiply-adds over blocks of k of even size, at most 384, first to last, whatever tile
/// it falls into, so that its bits depend on its row of A, its column of B and k alone, not on m, n or the number of
/// threads (n = 1 with A not transposed: interleaved sums of a block, again by k alone); on the GPU the algorithm is
/// chosen once for a shape, among those that split no sum over k across blocks.
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
  const T* bias = nullptr;
  int stream = 0;
  const PackedMatrix<T>* packed_b = nullptr;
};

/// Tiles run on the pool of the context (serially when called from inside a parallel chunk). With GemmPrecision::bf16
/// in the context, operands in float are rounded to bfloat16 (to the nearest, ties to even; denormal numbers to 0) and
/// summed in float, two terms at a time, over blocks of k of even size, at most 768, in AMX 32 terms and 384; with one
/// column and A not transposed they are not rounded.
ETHREED_KERNEL(gemm, Gemm)

/// Where the CPU's kernels that run here multiply bfloat16: "in the matrix unit (AMX)", "in vectors (AVX512_BF16)", or
/// "none".
std::string_view bf16_products();
#define ETHREED_BF16_PRODUCTS(Tag, name) std::string_view name(Tag);
ETHREED_FOR_EACH_CPU(ETHREED_BF16_PRODUCTS, bf16_products)
#undef ETHREED_BF16_PRODUCTS
/// True unless that is "none". Then matrix products with GemmPrecision::bf16 throw Error.
bool has_bf16_products();
/// Throws Error if the CPU's kernels that run here have no products of this precision.
void require_products(GemmPrecision precision);
/// "float32" or "bf16". Throws Error if it is neither, or if there is nothing here that can multiply so.
GemmPrecision gemm_precision_from(std::string_view precision);

}  // namespace ethreed
