#pragma once
// SSE2, which every x86-64 processor has; and whatever else has vectors of 16 bytes and 16 registers. Products and sums
// are not fused.

namespace ethreed::simd {

inline constexpr int vector_bytes = 16;
inline constexpr int tile_rows = 4;  ///< 8 sums, and room for multiplications that are not fused; of 16

}  // namespace ethreed::simd

#include "kernels/gemm/simd/any_vectors.h"
