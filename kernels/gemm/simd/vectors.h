#pragma once
// Vectors of vector_bytes, which the file of an instruction set says before it includes this one: what is the same for
// all.

#include "core/indices.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

namespace ethreed::simd {

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

namespace detail {

// a0 b0 a1 b1 …, of the lower and of the upper halves.
template <class T, int... lane>
[[gnu::always_inline]] inline void interleave(Vector<T> a, Vector<T> b, Vector<T>& low, Vector<T>& high,
                                              std::integer_sequence<int, lane...>) {
  constexpr int n = lanes<T>;
  low = __builtin_shufflevector(a, b, (lane / 2 + lane % 2 * n)...);
  high = __builtin_shufflevector(a, b, (n / 2 + lane / 2 + lane % 2 * n)...);
}

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

}  // namespace ethreed::simd
