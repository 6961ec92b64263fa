#pragma once
// AVX-512: vectors of 64 bytes, masks, 32 registers.

#include <immintrin.h>

namespace ethreed::simd {

inline constexpr int vector_bytes = 64;
inline constexpr int tile_rows = 14;  ///< rows of C in registers: 26 sums, 2 vectors of B, 1 element of A; of 32

}  // namespace ethreed::simd

#include "kernels/gemm/simd/vectors.h"

namespace ethreed::simd {

/// The first `count` lanes, 0 ≤ count ≤ lanes; the others are zero, and nothing after them is read.
template <class T> [[gnu::always_inline]] inline Vector<T> load_first(const T* from, int count) {
  if constexpr (sizeof(T) == 4)
    return _mm512_maskz_loadu_ps(static_cast<__mmask16>((1U << count) - 1U), from);
  else
    return _mm512_maskz_loadu_pd(static_cast<__mmask8>((1U << count) - 1U), from);
}
/// Writes the first `count` lanes and nothing after them.
template <class T> [[gnu::always_inline]] inline void store_first(T* to, Vector<T> v, int count) {
  if constexpr (sizeof(T) == 4)
    _mm512_mask_storeu_ps(to, static_cast<__mmask16>((1U << count) - 1U), v);
  else
    _mm512_mask_storeu_pd(to, static_cast<__mmask8>((1U << count) - 1U), v);
}

// Both in one rounding and whatever the compiler's options are: sums of the same chain may go either way.

/// sum += b·a in every lane.
[[gnu::always_inline]] inline void multiply_add(Vector<float>& sum, const Vector<float>& b, const float& a) {
  sum = _mm512_fmadd_ps(b, _mm512_set1_ps(a), sum);
}
[[gnu::always_inline]] inline void multiply_add(Vector<double>& sum, const Vector<double>& b, const double& a) {
  sum = _mm512_fmadd_pd(b, _mm512_set1_pd(a), sum);
}
/// sum + b·*a in every lane, by one instruction with *a as a broadcast memory operand. In assembly, because a compiler
/// broadcasts what is used twice by an instruction of its own. By value: GCC 12 keeps a sum that it has a reference to
/// in memory.
[[gnu::always_inline]] inline Vector<float> multiply_add_broadcast(Vector<float> sum, Vector<float> b, const float* a) {
  asm("vfmadd231ps %2%{1to16%}, %1, %0" : "+v"(sum) : "v"(b), "m"(*a));
  return sum;
}
[[gnu::always_inline]] inline Vector<double> multiply_add_broadcast(Vector<double> sum, Vector<double> b,
                                                                    const double* a) {
  asm("vfmadd231pd %2%{1to8%}, %1, %0" : "+v"(sum) : "v"(b), "m"(*a));
  return sum;
}

namespace detail {

// Four pieces of 128 bits, `step` elements from one to the next: loads under a mask, which cost no shuffle.
[[gnu::always_inline]] inline __m512 load_pieces(const float* from, std::ptrdiff_t step) {
  __m512 v = _mm512_castps128_ps512(_mm_loadu_ps(from));
  v = _mm512_mask_broadcast_f32x4(v, 0x00f0, _mm_loadu_ps(from + step));
  v = _mm512_mask_broadcast_f32x4(v, 0x0f00, _mm_loadu_ps(from + 2 * step));
  return _mm512_mask_broadcast_f32x4(v, 0xf000, _mm_loadu_ps(from + 3 * step));
}
[[gnu::always_inline]] inline __m512d load_pieces(const double* from, std::ptrdiff_t step) {
  return _mm512_castps_pd(load_pieces(reinterpret_cast<const float*>(from), 2 * step));
}

}  // namespace detail

/// Writes the transpose of the square at `from`: column p to `to + p·width`.
template <class T>
[[gnu::always_inline]] inline void transpose_square(const T* from, std::ptrdiff_t ld, T* to, std::ptrdiff_t width) {
  constexpr int n = lanes<T>;
  if constexpr (sizeof(T) == 4) {
#pragma GCC unroll 4
    for (int p = 0; p < n; p += 4) {
      __m512 row[4];
#pragma GCC unroll 4
      for (int i = 0; i < 4; ++i) row[i] = detail::load_pieces(from + p + i * ld, 4 * ld);
      const __m512d low0 = _mm512_castps_pd(_mm512_unpacklo_ps(row[0], row[1]));
      const __m512d high0 = _mm512_castps_pd(_mm512_unpackhi_ps(row[0], row[1]));
      const __m512d low1 = _mm512_castps_pd(_mm512_unpacklo_ps(row[2], row[3]));
      const __m512d high1 = _mm512_castps_pd(_mm512_unpackhi_ps(row[2], row[3]));
      store<T>(to + p * width, _mm512_castpd_ps(_mm512_unpacklo_pd(low0, low1)));
      store<T>(to + (p + 1) * width, _mm512_castpd_ps(_mm512_unpackhi_pd(low0, low1)));
      store<T>(to + (p + 2) * width, _mm512_castpd_ps(_mm512_unpacklo_pd(high0, high1)));
      store<T>(to + (p + 3) * width, _mm512_castpd_ps(_mm512_unpackhi_pd(high0, high1)));
    }
  } else {
#pragma GCC unroll 4
    for (int p = 0; p < n; p += 2) {
      const __m512d even = detail::load_pieces(from + p, 2 * ld), odd = detail::load_pieces(from + p + ld, 2 * ld);
      store<T>(to + p * width, _mm512_unpacklo_pd(even, odd));
      store<T>(to + (p + 1) * width, _mm512_unpackhi_pd(even, odd));
    }
  }
}

}  // namespace ethreed::simd
