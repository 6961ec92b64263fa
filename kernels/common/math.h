#pragma once
// exp, tanh and σ for kernels, written so that the compiler vectorises loops over them and a lane of a vector gives
// the same bits as a scalar. double uses the C library (it is the truth); float uses polynomials good to about 2 ulp.

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace ethreed::math {

inline double exp(double x) { return std::exp(x); }
inline double tanh(double x) { return std::tanh(x); }
inline double sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }

/// e^x for float: x = k·ln 2 + r, |r| ≤ ln 2 / 2, a polynomial in r (Cephes' expf coefficients) times 2^k.
/// Saturates: at most 2^127·1.99, exactly 0 below −87.3. NaN stays NaN.
inline float exp(float x) {
  const float low = -87.336544F;
  const float high = 88.37626F;
  float y = x < low ? low : x;
  y = y > high ? high : y;
  const float magic = 12582912.0F;  // 1.5 · 2^23: adding it rounds to the nearest integer
  const float k = (y * 1.44269504F + magic) - magic;
  float r = y - k * 0.693359375F;
  r = r + k * 2.12194440e-4F;
  float p = 1.9875691500e-4F;
  p = p * r + 1.3981999507e-3F;
  p = p * r + 8.3334519073e-3F;
  p = p * r + 4.1665795894e-2F;
  p = p * r + 1.6666665459e-1F;
  p = p * r + 5.0000001201e-1F;
  p = p * r * r + r + 1.0F;
  const auto exponent = static_cast<std::int32_t>(k) + 127;
  const float scale = std::bit_cast<float>(static_cast<std::uint32_t>(exponent) << 23);
  const float result = p * scale;
  return x < low ? 0.0F : result;
}

/// tanh for float: a rational-free form. Small |x| by an odd polynomial (Cephes), large |x| by 1 − 2 / (e^{2|x|} + 1).
inline float tanh(float x) {
  const float a = x < 0.0F ? -x : x;
  const float s = x * x;
  float p = -5.70498872745e-3F;
  p = p * s + 2.06390887954e-2F;
  p = p * s - 5.37397155531e-2F;
  p = p * s + 1.33314422036e-1F;
  p = p * s - 3.33332819422e-1F;
  const float small = p * s * x + x;
  const float e = exp(2.0F * (a > 10.0F ? 10.0F : a));
  const float magnitude = 1.0F - 2.0F / (e + 1.0F);
  const float large = x < 0.0F ? -magnitude : magnitude;
  return a < 0.625F ? small : (x != x ? x : large);
}

inline float sigmoid(float x) { return 1.0F / (1.0F + exp(-x)); }

/// log σ(x) without overflow or log(0), for any finite x.
template <class T> T log_sigmoid(T x) { return x >= 0 ? -std::log1p(std::exp(-x)) : x - std::log1p(std::exp(x)); }

/// log(e^a + e^b); either may be −∞.
template <class T> T log_add_exp(T a, T b) {
  const T high = a > b ? a : b;
  const T low = a > b ? b : a;
  if (low == -std::numeric_limits<T>::infinity()) return high;
  return high + std::log1p(std::exp(low - high));
}

}  // namespace ethreed::math
