#pragma once
// AVX512_BF16: vectors of pairs of bfloat16, beside AVX-512's.

#include "kernels/gemm/simd/avx512.h"

#include <array>

namespace ethreed::simd {

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

}  // namespace ethreed::simd
