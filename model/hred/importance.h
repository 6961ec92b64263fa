#pragma once
// VHRED's likelihood by importance sampling (section 4 of the specification), tighter than the bound:
//   log P(R_t) ≈ log (1/S) Σ_s P(R_t | z_s) p(z_s)/q(z_s),  z_s ~ q, the posterior

#include "model/hred/forward.h"

#include <vector>

namespace ethreed {

/// log P of every reply [N] by turn row, with S = options.latent_samples draws of ε, functions of (seed, s, place).
/// `pass` is the context of the same batch. The tape must not record. Waits for the device.
template <class T>
std::vector<double> importance_log_likelihood(Tape<T>& tape, const HredConfig& config,
                                              const HredParameters<Variable<T>>& parameters, const HredBatch& batch,
                                              const HredContext<T>& context, const PassOptions& options);

}  // namespace ethreed
