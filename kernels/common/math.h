#pragma once
// exp, tanh, σ, Φ, GELU and log-sum-exp for kernels, written so that the compiler vectorises loops over them and a lane
// of a vector gives the same bits as a scalar. double uses the C library (it is the truth); float uses polynomials good
// to about 2 ulp.

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

namespace detail {

/// y = k·ln 2 + r with k the nearest whole number, |r| ≤ ln 2 / 2.
struct Reduced {
  float r;
  float half_power;  ///< 2^{k−1}: 0 for k = −126, +∞ for k = 129
};

/// For y from −87.6 to 89.7, which is −126 ≤ k ≤ 129; for NaN r is NaN.
ETHREED_HOST_DEVICE inline Reduced reduce(float y) {
  // 1.5·2^23 + 126: adding it rounds to the nearest whole number and leaves k + 126, the exponent of 2^{k−1}, in the
  // low bits; the shift drops the bits above.
  const float magic = 12583038.0F;
  const float shifted = y * 1.44269504F + magic;
  const float k = shifted - magic;
  const float r = y - k * 0.693359375F;
  return {r + k * 2.12194440e-4F, std::bit_cast<float>(std::bit_cast<std::uint32_t>(shifted) << 23)};
}

/// q of 2·e^r = 2 + 2r + q·r² for |r| ≤ ln 2 / 2, with twice the coefficients of Cephes' expf.
ETHREED_HOST_DEVICE inline float exp_remainder(float r) {
  float p = 3.9751383000e-4F;
  p = p * r + 2.7963999014e-3F;
  p = p * r + 1.6666903815e-2F;
  p = p * r + 8.3331591788e-2F;
  p = p * r + 3.3333333092e-1F;
  return p * r + 1.0000000240F;
}

}  // namespace detail

// Below, `bound > x ? bound : x` is one instruction of the processor and lets NaN through; `x > bound ? x : bound`
// would not.

/// e^x for float: 2^{k−1} times a polynomial for 2·e^r; 2^k itself would be no float for the largest x.
/// +∞ above 88.722 (where e^x passes the largest float), exactly 0 below −86.99 (no denormals). NaN stays NaN.
ETHREED_HOST_DEVICE inline float exp(float x) {
  const float low = -87.5F;
  const float high = 89.4F;
  float y = low > x ? low : x;
  y = high < y ? high : y;
  const auto [r, half_power] = detail::reduce(y);
  return ((detail::exp_remainder(r) * r + 2.0F) * r + 2.0F) * half_power;
}

/// tanh for float: (e^{2|x|} − 1) / (e^{2|x|} + 1), the difference without cancellation as 2^k·(e^r − 1) + (2^k − 1).
/// NaN stays NaN.
ETHREED_HOST_DEVICE inline float tanh(float x) {
  const float high = 20.0F;  // beyond, the result is 1
  float y = 2.0F * std::fabs(x);
  y = high < y ? high : y;
  const auto [r, half_power] = detail::reduce(y);
  const float of_r = detail::exp_remainder(r) * r * r + 2.0F * r;
  const float exp_less_one = of_r * half_power + (2.0F * half_power - 1.0F);
  return std::copysign(exp_less_one / (exp_less_one + 2.0F), x);
}

/// 0 below −89.07 and 1 above 17; NaN stays NaN.
ETHREED_HOST_DEVICE inline float sigmoid(float x) { return 1.0F / (1.0F + exp(-x)); }

/// Φ(−y) for y ≥ 0, Φ the normal distribution's.
ETHREED_HOST_DEVICE inline double normal_tail(double y) { return 0.5 * std::erfc(y * 0.70710678118654752440); }
/// For float: 2^t, t a polynomial (Lawson's weighted least squares): within 6e-6 of Φ(−y), its products by y within
/// 1.2e-7 of theirs. Exactly 0 above 5.6, where Φ(−y) is below 1.1e-8. NaN stays NaN. 2^t as exp() has it, without a
/// reduction by ln 2. The sums are by pairs (Estrin): terms of a chain wait for each other.
ETHREED_HOST_DEVICE inline float normal_tail(float y) {
  const float high = 5.6F;
  const float x = high < y ? high : y;
  const float x2 = x * x, x4 = x2 * x2;
  const float t01 = -1.1511127549F * x - 9.9999986898e-1F;
  const float t23 = -5.2701948665e-2F * x - 4.5914101495e-1F;
  const float t45 = -3.3462947504e-4F * x + 7.3480071447e-3F;
  const float t67 = 2.9308010377e-5F * x - 1.1720036596e-4F;
  const float t89 = 1.1369561097e-7F * x - 2.9174902033e-6F;
  const float t = (t89 * x4 + (t67 * x2 + t45)) * x4 + (t23 * x2 + t01);
  const float magic = 12583038.0F;  // as in reduce()
  const float shifted = t + magic;
  const float f = t - (shifted - magic), f2 = f * f;
  const float p12 = 4.8044484169e-1F * f + 1.3862939552F;  // of 2·2^f, |f| ≤ 1/2, within 1.1e-7 of it
  const float p34 = 1.9343025376e-2F * f + 1.1101467487e-1F;
  const float p = ((2.6529454494e-3F * f2 + p34) * f2 + p12) * f + 2.0F;
  const float tail = p * std::bit_cast<float>(std::bit_cast<std::uint32_t>(shifted) << 23);
  return y > high ? 0.0F : tail;
}

/// a·Φ(a): the exact form of Hendrycks, Gimpel, "Gaussian Error Linear Units", 2016.
template <class T> ETHREED_HOST_DEVICE T gelu(T a) {
  const T below = normal_tail(std::fabs(a)), above = T{1} - below;
  return a * (a > T{0} ? above : below);
}
/// Its derivative Φ(a) + a·φ(a).
template <class T> ETHREED_HOST_DEVICE T gelu_slope(T a) {
  const T below = normal_tail(std::fabs(a)), above = T{1} - below;
  const T density = static_cast<T>(0.39894228040143267794) * exp(T{-0.5} * a * a);
  return (a > T{0} ? above : below) + a * density;
}

/// log σ(x) without overflow or log(0), for any finite x.
template <class T> ETHREED_HOST_DEVICE T log_sigmoid(T x) {
  return x >= 0 ? -std::log1p(std::exp(-x)) : x - std::log1p(std::exp(x));
}

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

/// Lanes of a loop that the compiler vectorises: several vectors, because it turns a loop over a single one into
/// scalars.
inline constexpr std::int64_t row_lanes = 64;

/// Prefetches row_lanes numbers from `x` on, for a loop that computes longer than it reads: a row that is not in the
/// cache would be waited for.
template <class T> void fetch_lanes(const T* x) {
  constexpr std::int64_t line = 64 / sizeof(T);
  for (std::int64_t l = 0; l < row_lanes; l += line) __builtin_prefetch(x + l);
}

/// Over n ≥ 1 numbers of which one at least is above −∞; a NaN among them gives NaN. Order of reduction: lane l adds
/// elements l, l + 64, l + 128, …, the last lanes an element less; the lanes are then added pairwise. It depends on n
/// alone. `next`: n numbers that are read after these, prefetched while exponentials are computed.
template <class T> LogSumExp<T> log_sum_exp(const T* x, std::int64_t n, const T* next) {
  constexpr std::int64_t lanes = row_lanes;
  const std::int64_t full = n / lanes * lanes;
  std::array<T, lanes> high;
  high.fill(-std::numeric_limits<T>::infinity());
  for (std::int64_t k = 0; k < full; k += lanes)
    for (std::size_t l = 0; l < lanes; ++l) high[l] = x[k + l] > high[l] ? x[k + l] : high[l];
  for (std::int64_t k = full; k < n; ++k) high[k - full] = x[k] > high[k - full] ? x[k] : high[k - full];
  T max = high[0];
  for (const T value : high) max = value > max ? value : max;

  std::array<T, lanes> sum{};
  for (std::int64_t k = 0; k < full; k += lanes) {
    fetch_lanes(next + k);
    for (std::size_t l = 0; l < lanes; ++l) sum[l] += exp(x[k + l] - max);
  }
  for (std::int64_t k = full; k < n; ++k) sum[k - full] += exp(x[k] - max);
  for (std::size_t width = lanes / 2; width > 0; width /= 2)
    for (std::size_t l = 0; l < width; ++l) sum[l] += sum[l + width];
  return {max, std::log(sum[0])};
}
template <class T> LogSumExp<T> log_sum_exp(const T* x, std::int64_t n) { return log_sum_exp(x, n, x); }

}  // namespace ethreed::math
