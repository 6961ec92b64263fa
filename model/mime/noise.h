#pragma once
// The random numbers of a pass of MIME.

#include "model/mime/forward.h"

namespace ethreed {

/// Those of (seed, step) in training, of (seed, place) in validation, or none, as the options say. By decoder row of
/// the batch; the posterior's only where its sample is wanted.
template <class T>
MimeNoise<T> draw_noise(Context& context, const MimeConfig& config, const DialogueBatch& batch,
                        const PassOptions& options);

/// The prior's for these decoder rows, from the places of their turns and the seeds of the options.
template <class T>
BothGroups<const T*> prior_noise(Context& context, const MimeConfig& config, const DialogueBatch& batch, Indices rows,
                                 const ReplyOptions& options);

}  // namespace ethreed
