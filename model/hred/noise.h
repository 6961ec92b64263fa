#pragma once
// The random numbers of a pass of HRED.

#include "model/hred/forward.h"

namespace ethreed {

/// Dropout of g and e, ε of the latent variable and word dropout, as the options say: in training functions of
/// (seed, step); in validation ε of (seed, place), or none.
template <class T>
HredNoise<T> draw_noise(Context& context, const HredConfig& config, const HredBatch& batch, const PassOptions& options);

/// ε [N, Z] by turn row from the places of the turns and the seeds of the options; `sample` tells several draws apart.
template <class T>
const T* draw_latent_noise(Context& context, const HredConfig& config, const DialogueBatch& batch,
                           const ReplyOptions& options, int sample = 0);

}  // namespace ethreed
