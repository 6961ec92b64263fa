#pragma once
// exp, tanh, σ and log-sum-exp for kernels, written so that the compiler vectorises loops over them and a lane of a
// vector gives the same bits as a scalar. double uses the C library (it is the truth); float uses polynomials good to
// about 2 ulp.

#include "core/host_device.h"

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace ethreed::math {

ETHREED_HOST_DEVICE inline double exp(double x) { return std::exp(x); }
ETHREED_HOST_DEVICE inline double tanh(double x) { return std::tanh(x); }
ETHREED_HOST_DEVICE inline double sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }

/// e^x for float: x = k·ln 2 + r, |r| ≤ ln 2 / 2, a polynomial in r (Cephes' expf coefficients) times 2^k.
/// +∞ above 88.722 (where e^x passes the largest float), exactly 0 below −87.336 (no denormals). NaN stays NaN.
ETHREED_HOST_DEVICE inline float exp(float x) {
  const float low = -87.336544F;
  const float high = 88.72283F;
  float y = x < low ? low : x;
  y = y > high ? high : y;
  const float magic = 12582912.0F;  // 1.5 · 2^23: adding it rounds to the nearest integer and leaves it in the low bits
  const float shifted = y * 1.44269504F + magic;
  const float k = shifted - magic;
  float r = y - k * 0.693359375F;
  r = r + k * 2.12194440e-4F;
  float p = 1.9875691500e-4F;
  p = p * r + 1.3981999507e-3F;
  p = p * r + 8.3334519073e-3F;
  p = p * r + 4.1665795894e-2F;
  p = p * r + 1.6666665459e-1F;
  p = p * r + 5.0000001201e-1F;
  p = p * r * r + r + 1.0F;
  // Times 2^k by adding k to the exponent: it reaches k = 128, where 2^k itself is no float. p's exponent is −1 or 0,
  // so the sum stays in range; the bits of `magic` above k leave through the top of the shift.
  const auto result =
      std::bit_cast<float>(std::bit_cast<std::uint32_t>(p) + (std::bit_cast<std::uint32_t>(shifted) << 23));
  const float bounded = x < low ? 0.0F : result;
  return x <= high ? bounded : x + std::numeric_limits<float>::infinity();  // the sum is +∞, or NaN for NaN
}

/// tanh for float. Small |x| by an odd polynomial (Cephes), large |x| by 1 − 2 / (e^{2|x|} + 1). NaN stays NaN.
ETHREED_HOST_DEVICE inline float tanh(float x) {
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

/// 0 below −88.722 and 1 above 17; NaN stays NaN.
ETHREED_HOST_DEVICE inline float sigmoid(float x) { return 1.0F / (1.0F + exp(-x)); }

/// log σ(x) without overflow or log(0), for any finite x.
template <class T> ETHREED_HOST_DEVICE T log_sigmoid(T x) { return x >= 0 ? -std::log1p(std::exp(-x)) : x - std::log1p(std::exp(x)); }

/// log(e^a + e^b); either may be −∞.
template <class T> ETHREED_HOST_DEVICE T log_add_exp(T a, T b) {
  const T high = a > b ? a : b;
  const T low = a > b ? b : a;
  if (low == -std::numeric_limits<T>::infinity()) return high;
  return high + std::log1p(std::exp(low - high));
}

/// log Σ_k e^{x_k} in two parts, because x − max − log_sum keeps the digits that x − (max + log_sum) loses.
template <class T> struct LogSumExp {
  T max = 0;
  T log_sum = 0;  ///< log Σ_k e^{x_k − max}, in [0, log n]
  ETHREED_HOST_DEVICE T value() const { return max + log_sum; }
  /// log softmax of one of the x.
  ETHREED_HOST_DEVICE T log_probability(T x) const { return (x - max) - log_sum; }
};

/// Over n ≥ 1 numbers of which one at least is above −∞; a NaN among them gives NaN. Order of reduction: lane l adds
/// elements l, l + 16, l + 32, …; the lanes are then added pairwise. It depends on n alone.
template <class T> LogSumExp<T> log_sum_exp(const T* x, std::int64_t n) {
  constexpr std::int64_t lanes = 16;
  const std::int64_t full = n / lanes * lanes;
  std::array<T, lanes> high;
  high.fill(-std::numeric_limits<T>::infinity());
  for (std::int64_t k = 0; k < full; k += lanes)
    for (std::size_t l = 0; l < lanes; ++l) high[l] = x[k + l] > high[l] ? x[k + l] : high[l];
  for (std::int64_t k = full; k < n; ++k) high[k - full] = x[k] > high[k - full] ? x[k] : high[k - full];
  T max = high[0];
  for (const T value : high) max = value > max ? value : max;

  std::array<T, lanes> sum{};
  for (std::int64_t k = 0; k < full; k += lanes)
    for (std::size_t l = 0; l < lanes; ++l) sum[l] += exp(x[k + l] - max);
  for (std::int64_t k = full; k < n; ++k) sum[k - full] += exp(x[k] - max);
  for (std::size_t width = lanes / 2; width > 0; width /= 2)
    for (std::size_t l = 0; l < width; ++l) sum[l] += sum[l + width];
  return {max, std::log(sum[0])};
}

}  // namespace ethreed::math
