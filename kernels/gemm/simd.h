#pragma once
// The widest vectors of the processor that is compiled for, by the vector extensions of GCC and Clang. The one place of
// the matrix products that knows of instruction sets.

#include "core/indices.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

#if defined(__AVX512F__) || (defined(__AVX__) && defined(__FMA__))
#include <immintrin.h>
#endif
#if defined(__AVX512BF16__)
#define ETHREED_BF16 1  // there are instructions that multiply bfloat16
#endif
#if defined(__AMX_BF16__) && defined(ETHREED_BF16)
#define ETHREED_AMX 1  // there are instructions that multiply tiles of them; what a process may use, matrix_unit.h says
#endif

namespace ethreed::simd {

#if defined(__AVX512F__)
inline constexpr int vector_bytes = 64;
inline constexpr int tile_rows = 14;  ///< rows of C in registers: 26 sums, 2 vectors of B, 1 element of A; of 32
#elif defined(__AVX__)
inline constexpr int vector_bytes = 32;
inline constexpr int tile_rows = 6;  ///< 12 sums, 2 vectors of B, 1 element of A; of 16
#elif defined(__aarch64__)
inline constexpr int vector_bytes = 16;
inline constexpr int tile_rows = 12;  ///< 24 sums; of 32
#else
inline constexpr int vector_bytes = 16;
inline constexpr int tile_rows = 4;  ///< 8 sums, and room for multiplications that are not fused; of 16
#endif

template <class T> inline constexpr int lanes = vector_bytes / static_cast<int>(sizeof(T));

// GCC 12 ignores vector_size where it depends on a template argument.
template <class T> struct VectorOf;
template <> struct VectorOf<float> { using type [[gnu::vector_size(vector_bytes)]] = float; };
template <> struct VectorOf<double> { using type [[gnu::vector_size(vector_bytes)]] = double; };
template <> struct VectorOf<std::uint32_t> { using type [[gnu::vector_size(vector_bytes)]] = std::uint32_t; };
template <class T> using Vector = typename VectorOf<T>::type;

template <class T> [[gnu::always_inline]] inline Vector<T> load(const T* from) {
  Vector<T> v;
  std::memcpy(&v, from, sizeof v);
  return v;
}
template <class T> [[gnu::always_inline]] inline void store(T* to, Vector<T> v) { std::memcpy(to, &v, sizeof v); }

/// The first `count` lanes, 0 ≤ count ≤ lanes; the others are zero, and nothing after them is read.
template <class T> [[gnu::always_inline]] inline Vector<T> load_first(const T* from, int count) {
#if defined(__AVX512F__)
  if constexpr (sizeof(T) == 4)
    return _mm512_maskz_loadu_ps(static_cast<__mmask16>((1U << count) - 1U), from);
  else
    return _mm512_maskz_loadu_pd(static_cast<__mmask8>((1U << count) - 1U), from);
#else
  Vector<T> v{};
  std::memcpy(&v, from, bytes_of<T>(count));
  return v;
#endif
}
/// Writes the first `count` lanes and nothing after them.
template <class T> [[gnu::always_inline]] inline void store_first(T* to, Vector<T> v, int count) {
#if defined(__AVX512F__)
  if constexpr (sizeof(T) == 4)
    _mm512_mask_storeu_ps(to, static_cast<__mmask16>((1U << count) - 1U), v);
  else
    _mm512_mask_storeu_pd(to, static_cast<__mmask8>((1U << count) - 1U), v);
#else
  std::memcpy(to, &v, bytes_of<T>(count));
#endif
}

#if defined(__AVX512F__)
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
#elif defined(__AVX__) && defined(__FMA__)
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
#else
/// sum += b·a in every lane.
template <class T> [[gnu::always_inline]] inline void multiply_add(Vector<T>& sum, const Vector<T>& b, const T& a) {
  sum += b * a;
}
/// sum + b·*a in every lane.
template <class T>
[[gnu::always_inline]] inline Vector<T> multiply_add_broadcast(Vector<T> sum, Vector<T> b, const T* a) {
  return sum + b * *a;
}
#endif

namespace detail {

// a0 b0 a1 b1 …, of the lower and of the upper halves.
template <class T, int... lane>
[[gnu::always_inline]] inline void interleave(Vector<T> a, Vector<T> b, Vector<T>& low, Vector<T>& high,
                                              std::integer_sequence<int, lane...>) {
  constexpr int n = lanes<T>;
  low = __builtin_shufflevector(a, b, (lane / 2 + lane % 2 * n)...);
  high = __builtin_shufflevector(a, b, (n / 2 + lane / 2 + lane % 2 * n)...);
}

#if defined(__AVX512F__)
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
#endif

}  // namespace detail

/// Transposes a square of lanes × lanes, a row a vector: log2(lanes) perfect shuffles.
template <class T> [[gnu::always_inline]] inline void transpose(Vector<T> (&rows)[lanes<T>]) {
  constexpr int n = lanes<T>;
#pragma GCC unroll 4
  for (int stage = 1; stage < n; stage *= 2) {
    Vector<T> shuffled[n];
#pragma GCC unroll 8
    for (int i = 0; i < n / 2; ++i)
      detail::interleave<T>(rows[i], rows[i + n / 2], shuffled[2 * i], shuffled[2 * i + 1],
                            std::make_integer_sequence<int, n>());
#pragma GCC unroll 16
    for (int i = 0; i < n; ++i) rows[i] = shuffled[i];
  }
}

/// Writes the transpose of the square at `from`: column p to `to + p·width`.
template <class T>
[[gnu::always_inline]] inline void transpose_square(const T* from, std::ptrdiff_t ld, T* to, std::ptrdiff_t width) {
  constexpr int n = lanes<T>;
#if defined(__AVX512F__)
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
#else
  Vector<T> block[n];
#pragma GCC unroll 16
  for (int i = 0; i < n; ++i) block[i] = load(from + i * ld);
  transpose<T>(block);
#pragma GCC unroll 16
  for (int i = 0; i < n; ++i) store<T>(to + i * width, block[i]);
#endif
}

#if defined(ETHREED_BF16)

/// Two numbers of bfloat16, rounded to the nearest, ties to even; the first in the lower half. Denormal ones become 0.
using Pair = std::uint32_t;

/// sum += b₀·a₀ + b₁·a₁ in every lane, in float.
[[gnu::always_inline]] inline void multiply_add(Vector<float>& sum, Vector<Pair> b, Pair a) {
  sum = _mm512_dpbf16_ps(sum, (__m512bh)b, (__m512bh)_mm512_set1_epi32(static_cast<int>(a)));
}
/// As of float above.
[[gnu::always_inline]] inline Vector<float> multiply_add_broadcast(Vector<float> sum, Vector<Pair> b, const Pair* a) {
  asm("vdpbf16ps %2%{1to16%}, %1, %0" : "+v"(sum) : "v"(b), "m"(*a));
  return sum;
}
/// Neighbours of 2·lanes numbers in a row.
[[gnu::always_inline]] inline Vector<Pair> pairs_along(Vector<float> first, Vector<float> second) {
  return (Vector<Pair>)_mm512_cvtne2ps_pbh(second, first);
}
/// Lane by lane.
[[gnu::always_inline]] inline Vector<Pair> pairs_across(Vector<float> first, Vector<float> second) {
  static constexpr std::array<std::uint16_t, 32> alternate = [] {
    std::array<std::uint16_t, 32> order{};
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<std::uint16_t>(i / 2 + i % 2 * 16);
    return order;
  }();
  const __m512i halves = (__m512i)_mm512_cvtne2ps_pbh(second, first);
  return (Vector<Pair>)_mm512_permutexvar_epi16(_mm512_loadu_si512(alternate.data()), halves);
}
/// As above; `from` and `to` hold lanes × lanes pairs, `from` with `ld` = lanes.
[[gnu::always_inline]] inline void transpose_square(const Pair* from, Pair* to, std::ptrdiff_t width) {
  // Shuffles of 32-bit lanes: what is in them does not matter.
  transpose_square(reinterpret_cast<const float*>(from), lanes<Pair>, reinterpret_cast<float*>(to), width);
}

#endif

}  // namespace ethreed::simd
