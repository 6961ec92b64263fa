#pragma once
// Numbers of 16 bits as files hold them: IEEE 754's binary16, and bfloat16, the upper half of a float.

#include <bit>
#include <cmath>
#include <cstdint>

namespace ethreed {

inline float float_of_half(std::uint16_t bits) {
  const std::uint32_t sign = (bits & 0x8000U) << 16, exponent = bits >> 10 & 0x1FU, mantissa = bits & 0x3FFU;
  const std::uint32_t rebiased = exponent == 0x1FU ? 0xFFU : exponent + 127 - 15;
  const std::uint32_t small = std::bit_cast<std::uint32_t>(static_cast<float>(mantissa) * 0x1p-24F);
  return std::bit_cast<float>(sign | (exponent == 0 ? small : rebiased << 23 | mantissa << 13));
}

/// To the nearest, ties to even; from 65,520 on it is infinite.
inline std::uint16_t half_of_float(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const std::uint32_t sign = bits >> 16 & 0x8000U, size = bits & 0x7FFFFFFFU;
  constexpr std::uint32_t infinite = 0x7F800000U, too_large = 0x47800000U, smallest_normal = 0x38800000U;
  std::uint32_t half = 0;
  if (size > infinite) {
    half = 0x7E00U;
  } else if (size >= too_large) {
    half = 0x7C00U;
  } else if (size < smallest_normal) {
    half = static_cast<std::uint32_t>(std::nearbyint(std::bit_cast<float>(size) * 0x1p24F));
  } else {
    // A mantissa that rounds up to 2 carries into the exponent.
    half = (size - ((127U - 15U) << 23) + 0xFFFU + (size >> 13 & 1U)) >> 13;
  }
  return static_cast<std::uint16_t>(sign | half);
}

inline float float_of_bfloat16(std::uint16_t bits) { return std::bit_cast<float>(std::uint32_t{bits} << 16); }

/// To the nearest, ties to even; the largest floats become infinite.
inline std::uint16_t bfloat16_of_float(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  if ((bits & 0x7FFFFFFFU) > 0x7F800000U) return static_cast<std::uint16_t>(bits >> 16 | 0x40U);
  return static_cast<std::uint16_t>((bits + 0x7FFFU + (bits >> 16 & 1U)) >> 16);
}

}  // namespace ethreed
