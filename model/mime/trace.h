#pragma once
// One training step's forward and backward in a file, so that any other program can recompute it.

#include "core/context.h"
#include "core/indices.h"
#include "model/interface/model_state.h"
#include "model/mime/config.h"
#include "model/text/dataset.h"

#include <filesystem>

namespace ethreed {

/// Runs forward and backward of `loss.total` on these dialogues, r drawn from `seed` as in step 0 of a training, and
/// writes every tensor, ragged as they are computed: R replies, the longest first, N target tokens, C positions.
///   param.<name>, grad.<name>
///   batch.context_offsets [R + 1], batch.context_words [C] (CLS is V), batch.context_states [C] (0 CLS, 1 the speaker,
///   2 the listener); batch.target_offsets [R + 1], batch.inputs [N], batch.targets [N] (word ids);
///   batch.emotion [R] (−1: none), batch.positive_emotions [K] (1 or 0)
///   noise.prior_positive, noise.prior_negative [R, d], with the posterior's sample noise.posterior_positive and
///   _negative; none where training draws nothing
///   classifier.logits [R, K], decoder.nll [N]
///   loss.generation, loss.divergence_positive, loss.divergence_negative, loss.emotion_speaker, loss.total
/// `state` is on the host; the gradients stay in it. Throws Error if a value is not finite or the file cannot be
/// written.
template <class T>
void write_mime_trace(Context& context, ModelState<T>& state, const MimeConfig& config, const Split& split,
                      Indices dialogues, std::uint64_t seed, const std::filesystem::path& path);

}  // namespace ethreed
