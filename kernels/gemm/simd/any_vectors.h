#pragma once
// For vectors without masks: the first lanes by copies, squares transposed by shuffles, and multiply-adds that are
// fused only where the compiler does it.

#include "kernels/gemm/simd/vectors.h"

namespace ethreed::simd {

/// The first `count` lanes, 0 ≤ count ≤ lanes; the others are zero, and nothing after them is read.
template <class T> [[gnu::always_inline]] inline Vector<T> load_first(const T* from, int count) {
  Vector<T> v{};
  std::memcpy(&v, from, bytes_of<T>(count));
  return v;
}
/// Writes the first `count` lanes and nothing after them.
template <class T> [[gnu::always_inline]] inline void store_first(T* to, Vector<T> v, int count) {
  std::memcpy(to, &v, bytes_of<T>(count));
}

/// Writes the transpose of the square at `from`: column p to `to + p·width`.
template <class T>
[[gnu::always_inline]] inline void transpose_square(const T* from, std::ptrdiff_t ld, T* to, std::ptrdiff_t width) {
  constexpr int n = lanes<T>;
  Vector<T> block[n];
#pragma GCC unroll 16
  for (int i = 0; i < n; ++i) block[i] = load(from + i * ld);
  transpose<T>(block);
#pragma GCC unroll 16
  for (int i = 0; i < n; ++i) store<T>(to + i * width, block[i]);
}

#if !defined(__FMA__) && !defined(__ARM_FEATURE_FMA)
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

}  // namespace ethreed::simd
