#pragma once
// AVX and AVX2: vectors of 32 bytes, no masks; with FMA, multiply-adds in one rounding.

#include <immintrin.h>

namespace ethreed::simd {

inline constexpr int vector_bytes = 32;
inline constexpr int tile_rows = 6;  ///< 12 sums, 2 vectors of B, 1 element of A; of 16

}  // namespace ethreed::simd

#include "kernels/gemm/simd/any_vectors.h"

#if defined(__FMA__)

namespace ethreed::simd {

// In one rounding by name, too: left to itself the compiler fuses here and not there.

/// sum + b·*a in every lane.
[[gnu::always_inline]] inline Vector<float> multiply_add_broadcast(Vector<float> sum, Vector<float> b, const float* a) {
  return _mm256_fmadd_ps(b, _mm256_set1_ps(*a), sum);
}
[[gnu::always_inline]] inline Vector<double> multiply_add_broadcast(Vector<double> sum, Vector<double> b,
                                                                    const double* a) {
  return _mm256_fmadd_pd(b, _mm256_set1_pd(*a), sum);
}
/// sum += b·a in every lane.
template <class T> [[gnu::always_inline]] inline void multiply_add(Vector<T>& sum, const Vector<T>& b, const T& a) {
  sum = multiply_add_broadcast(sum, b, &a);
}

}  // namespace ethreed::simd

#endif
