#pragma once
// A matrix in the order in which the CPU's matrix products read it. kernels/gemm/packed_gemm.h packs.

#include "core/context.h"

#include <cstdint>

namespace ethreed {

/// op(B) [k, n] in the order in which matrix products read it; rounded already with GemmPrecision::bf16.
template <class T> struct PackedMatrix {
  int k = 0, n = 0;
  GemmPrecision precision = GemmPrecision::full;
  const T* data = nullptr;
};

/// Elements of the memory that packing [k, n] takes: k rows of n elements, each rounded up to 64 bytes.
template <class T> constexpr std::int64_t packed_elements(int k, int n) {
  constexpr std::int64_t line = 64 / sizeof(T);
  return std::int64_t{k} * ((n + line - 1) / line * line);
}

}  // namespace ethreed
