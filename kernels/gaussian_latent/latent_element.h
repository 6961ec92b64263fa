#pragma once
// One element of the Gaussian latent, on the CPU and on a device.

#include "core/host_device.h"
#include "kernels/common/math.h"
#include "kernels/gaussian_latent/gaussian_latent.h"

#include <cmath>

namespace ethreed {

/// max(0.1·softplus(raw), 1e-8), for any finite raw; NaN stays NaN.
template <class T> ETHREED_HOST_DEVICE T latent_variance(T raw) {
  const T least = static_cast<T>(latent_least_variance);
  const T variance = static_cast<T>(-latent_variance_scale) * math::log_sigmoid(-raw);
  return variance < least ? least : variance;
}

/// Its derivative: 0 where it is at its least.
template <class T> ETHREED_HOST_DEVICE T latent_variance_slope(T raw) {
  const T variance = static_cast<T>(-latent_variance_scale) * math::log_sigmoid(-raw);
  if (variance < static_cast<T>(latent_least_variance)) return T{0};
  return static_cast<T>(latent_variance_scale) * math::sigmoid(raw);
}

/// The mean and what becomes the variance, of one of the two Gaussians.
template <class T> struct LatentElement { T mean, raw; };

/// mean + √v·ε
template <class T> ETHREED_HOST_DEVICE T latent_sample(const LatentElement<T>& q, T noise) {
  return q.mean + std::sqrt(latent_variance(q.raw)) * noise;
}

/// One term of KL(q‖p): ½ [v_q/v_p − 1 − log(v_q/v_p) + Δ²/v_p]. Where v_q/v_p − 1 is small, its logarithm is taken
/// from it; where it is close to −1, it has lost the digits of v_q/v_p.
template <class T> ETHREED_HOST_DEVICE T latent_divergence(const LatentElement<T>& p, const LatentElement<T>& q) {
  const T v_p = latent_variance(p.raw), v_q = latent_variance(q.raw);
  const T difference = q.mean - p.mean;
  const T excess = (v_q - v_p) / v_p;
  const T logarithm = excess < T{-0.5} ? std::log(v_q / v_p) : std::log1p(excess);
  return T{0.5} * ((excess - logarithm) + difference * difference / v_p);
}

/// Gradients of dz·z + dkl·KL by one element of p and of q.
template <class T> struct LatentGradient { T mean_p, raw_p, mean_q, raw_q; };

template <class T>
ETHREED_HOST_DEVICE LatentGradient<T> latent_gradient(const LatentElement<T>& p, const LatentElement<T>& q, T noise,
                                                      T dz, T dkl) {
  const T v_p = latent_variance(p.raw), v_q = latent_variance(q.raw);
  const T difference = q.mean - p.mean;
  const T excess = (v_q - v_p) / v_p;
  const T pull = dkl * (difference / v_p);
  const T half = T{0.5} * dkl;
  return {.mean_p = -pull,
          .raw_p = -latent_variance_slope(p.raw) * (half * ((excess + difference * difference / v_p) / v_p)),
          .mean_q = dz + pull,
          .raw_q = latent_variance_slope(q.raw) * (dz * noise / (T{2} * std::sqrt(v_q)) + half * (excess / v_q))};
}

/// The gradient of dz·z by raw, where z is all that depends on it.
template <class T> ETHREED_HOST_DEVICE T latent_sample_gradient(T raw, T noise, T dz) {
  return latent_variance_slope(raw) * (dz * noise / (T{2} * std::sqrt(latent_variance(raw))));
}

}  // namespace ethreed
