#pragma once
// The widest vectors of the processor that is compiled for, by the vector extensions of GCC and Clang. The one place of
// the products that knows of instruction sets.

#include <cstring>
#include <utility>

#if defined(__AVX512F__)
#include <immintrin.h>
#endif

namespace ethreed::simd {

#if defined(__AVX512F__)
inline constexpr int vector_bytes = 64;
inline constexpr int tile_rows = 14;  ///< rows of C in registers: 28 sums, 2 vectors of B, 1 element of A; of 32
#elif defined(__AVX__)
inline constexpr int vector_bytes = 32;
inline constexpr int tile_rows = 6;  ///< 12 sums, 2 vectors of B, 1 element of A; of 16
#elif defined(__aarch64__)
inline constexpr int vector_bytes = 16;
inline constexpr int tile_rows = 12;  ///< 24 sums; of 32
#else
inline constexpr int vector_bytes = 16;
inline constexpr int tile_rows = 4;  ///< 8 sums, and room for products without a fused multiply-add; of 16
#endif

template <class T> inline constexpr int lanes = vector_bytes / static_cast<int>(sizeof(T));

// GCC 12 ignores vector_size where it depends on a template argument.
template <class T> struct VectorOf;
template <> struct VectorOf<float> { using type [[gnu::vector_size(vector_bytes)]] = float; };
template <> struct VectorOf<double> { using type [[gnu::vector_size(vector_bytes)]] = double; };
template <class T> using Vector = typename VectorOf<T>::type;

template <class T> [[gnu::always_inline]] inline Vector<T> load(const T* from) {
  Vector<T> v;
  std::memcpy(&v, from, sizeof v);
  return v;
}
template <class T> [[gnu::always_inline]] inline void store(T* to, Vector<T> v) { std::memcpy(to, &v, sizeof v); }

/// The first `count` lanes, 0 ≤ count ≤ lanes; the others are zero, and nothing behind them is read.
template <class T> [[gnu::always_inline]] inline Vector<T> load_first(const T* from, int count) {
#if defined(__AVX512F__)
  if constexpr (sizeof(T) == 4)
    return _mm512_maskz_loadu_ps(static_cast<__mmask16>((1U << count) - 1U), from);
  else
    return _mm512_maskz_loadu_pd(static_cast<__mmask8>((1U << count) - 1U), from);
#else
  Vector<T> v{};
  std::memcpy(&v, from, static_cast<std::size_t>(count) * sizeof(T));
  return v;
#endif
}
/// Writes the first `count` lanes and nothing behind them.
template <class T> [[gnu::always_inline]] inline void store_first(T* to, Vector<T> v, int count) {
#if defined(__AVX512F__)
  if constexpr (sizeof(T) == 4)
    _mm512_mask_storeu_ps(to, static_cast<__mmask16>((1U << count) - 1U), v);
  else
    _mm512_mask_storeu_pd(to, static_cast<__mmask8>((1U << count) - 1U), v);
#else
  std::memcpy(to, &v, static_cast<std::size_t>(count) * sizeof(T));
#endif
}

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

}  // namespace ethreed::simd
