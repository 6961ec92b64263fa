#pragma once
// Differentiable Gaussian latent of a variational model: autograd over kernels/gaussian_latent.

#include "autograd/tape.h"
#include "kernels/gaussian_latent/gaussian_latent.h"

namespace ethreed {

/// What two linear layers say of a Gaussian: its mean, and the number `raw` of which max(0.1·softplus(raw), 1e-8) is
/// the variance. A default-constructed one is not there.
template <class T> struct LatentDistribution {
  Variable<T> mean;  ///< [N, Z]
  Variable<T> raw;   ///< [N, Z]
  explicit operator bool() const { return mean || raw; }
};

template <class T> struct GaussianLatent {
  Variable<T> z;   ///< [N, Z]
  Variable<T> kl;  ///< [N], KL(posterior‖prior); without a posterior zeros that no gradient goes through
};

/// z = mean + √variance ⊙ noise of the posterior q, and KL(q‖p) of every row. Without a posterior, as in generation,
/// z is drawn from the prior p.
///   prior, posterior  all that is there has the same shape
///   noise             as many elements, ε ~ N(0, 1), a constant that must outlive the tape; absent: z is the mean
///   least_kl          λ ≥ 0: the divergence of a row is at least λ (free bits)
/// Throws Error on a prior that is not there, on a posterior of which a half is there, and on sizes that do not fit.
template <class T>
GaussianLatent<T> gaussian_latent(Tape<T>& tape, LatentDistribution<T> prior, LatentDistribution<T> posterior,
                                  std::type_identity_t<View<const T>> noise = {}, double least_kl = 0);

}  // namespace ethreed
