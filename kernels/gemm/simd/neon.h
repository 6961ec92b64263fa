#pragma once
// NEON, which every 64-bit Arm processor has.

namespace ethreed::simd {

inline constexpr int vector_bytes = 16;
inline constexpr int tile_rows = 12;  ///< 24 sums; of 32

}  // namespace ethreed::simd

#include "kernels/gemm/simd/any_vectors.h"
