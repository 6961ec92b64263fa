#pragma once
// gaussian_latent: the latent of a variational dialogue model, drawn from its posterior, and that posterior's
// divergence from the prior; both Gaussians with a diagonal covariance.

#include "kernels/common/dispatch.h"
#include "kernels/common/gradient.h"

#include <cstdint>

namespace ethreed {

inline constexpr double latent_variance_scale = 0.1;
inline constexpr double latent_least_variance = 1e-8;

/// v = max(0.1·softplus(raw), 1e-8), a variance, for the prior p and the posterior q;
///   z = mean_q + √v_q ⊙ ε
///   KL_i = ½ Σ_d [v_q/v_p + (mean_p − mean_q)²/v_p − 1 + log v_p − log v_q], KL(q‖p) of row i.
/// With `least_kl` λ > 0 (free bits), KL_i is max(KL_i, λ), and a row whose KL is at most λ gets no gradient through
/// it. Without a posterior q is p, as in generation: z = mean_p + √v_p ⊙ ε, and KL is exactly 0. Without noise ε is 0,
/// and z is the mean. Z = columns.
///
///   mean_p, raw_p  [rows, Z]  read
///   mean_q, raw_q  [rows, Z]  read; both are there, or neither
///   noise          [rows, Z]  read; ε ~ N(0, 1), a constant; may be absent
///   z              [rows, Z]  written; aliases nothing
///   kl             [rows]     written; aliases nothing
///
/// FLOPs: 24·rows·Z (exp, log and √ count as one), without noise 17·rows·Z; without the posterior 6.5·rows·Z: a mean,
/// some branches take less. Bytes: (6·rows·Z + rows)·sizeof(T); without the posterior (4·rows·Z + rows)·sizeof(T).
/// Without noise an array less is read, and without both raw_p is not read, either, and there are no FLOPs.
/// Saved: none beyond the inputs. Workspace: none.
/// Order of reduction: from the first column to the last. On a device (one launch, a warp per row): lane l adds columns
/// l, l + 32, …, the lanes are added by warp_sum.
/// v_q/v_p − 1 and its logarithm are computed from v_q − v_p where they are small: KL is exactly 0 where q equals p.
/// Source: Kingma, Welling, "Auto-Encoding Variational Bayes", ICLR 2014; Serban et al., "A Hierarchical Latent
/// Variable Encoder-Decoder Model for Generating Dialogues", AAAI 2017.
template <class T> struct GaussianLatentForward {
  int rows = 0;
  int columns = 0;
  T least_kl{0};
  const T* mean_p = nullptr;
  const T* raw_p = nullptr;
  const T* mean_q = nullptr;
  const T* raw_q = nullptr;
  const T* noise = nullptr;
  T* z = nullptr;
  T* kl = nullptr;
};

/// With Δ = mean_q − mean_p, and v' = 0.1·σ(raw), which is 0 where the variance is at its least:
///   dmean_q = dz + dkl Δ/v_p                      draw_q = v'_q (dz ε/(2√v_q) + dkl ½ (1/v_p − 1/v_q))
///   dmean_p = −dkl Δ/v_p                          draw_p = v'_p dkl ½ (1/v_p − (v_q + Δ²)/v_p²)
/// and without the posterior dmean_p = dz, draw_p = v'_p dz ε/(2√v_p): the divergence is a constant.
///
///   forward         as it was called: the inputs are read, with a least_kl its kl, too
///   dz              [rows, Z]  read; may be absent, where nothing depends on z
///   dkl             [rows]     read; may be absent, where nothing depends on the divergence
///   dmean_p, draw_p, dmean_q, draw_q  [rows, Z]  written or accumulated, each may be absent, the last two are without
///                   the posterior. An element's are put in this order: sinks may be one array if the later ones add
///
/// FLOPs: 43·rows·Z; without the posterior 14·rows·Z. Bytes: (10·rows·Z + rows)·sizeof(T); without the posterior
/// 5·rows·Z·sizeof(T). With a least_kl rows·sizeof(T) more. Without noise an array less is read, and without both raw_p
/// is not read, either, and there are no FLOPs. Workspace: none. On a device: one launch, a thread per element.
template <class T> struct GaussianLatentBackward {
  GaussianLatentForward<T> forward;
  const T* dz = nullptr;
  const T* dkl = nullptr;
  GradientSink<T> dmean_p;
  GradientSink<T> draw_p;
  GradientSink<T> dmean_q;
  GradientSink<T> draw_q;
};

ETHREED_KERNEL(gaussian_latent_forward, GaussianLatentForward)
ETHREED_KERNEL(gaussian_latent_backward, GaussianLatentBackward)

}  // namespace ethreed
