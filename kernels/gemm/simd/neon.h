#pragma once
// NEON, which every 64-bit Arm processor has: vectors of 16 bytes, 32 registers, no masks; multiply-adds in one
// rounding.

#include <arm_neon.h>

namespace ethreed::simd {

inline constexpr int vector_bytes = 16;
inline constexpr int tile_rows = 12;  ///< 24 sums, 2 vectors of B, 1 element of A; of 32

}  // namespace ethreed::simd

#include "kernels/gemm/simd/any_vectors.h"

namespace ethreed::simd {

// In one rounding by name: left to itself the compiler fuses here and not there. An element that is broadcast becomes a
// lane of the instruction, `fmla v.4s, v.4s, v.s[0]`, and takes none of its own.

/// sum + b·*a in every lane.
[[gnu::always_inline]] inline Vector<float> multiply_add_broadcast(Vector<float> sum, Vector<float> b, const float* a) {
  return vfmaq_n_f32(sum, b, *a);
}
[[gnu::always_inline]] inline Vector<double> multiply_add_broadcast(Vector<double> sum, Vector<double> b,
                                                                    const double* a) {
  return vfmaq_n_f64(sum, b, *a);
}
/// sum += b·a in every lane.
template <class T> [[gnu::always_inline]] inline void multiply_add(Vector<T>& sum, const Vector<T>& b, const T& a) {
  sum = multiply_add_broadcast(sum, b, &a);
}

}  // namespace ethreed::simd
