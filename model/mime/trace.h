#pragma once
// One training step's forward and backward in a file, so that any other program can recompute it.

#include "core/context.h"
#include "core/indices.h"
#include "core/tensor.h"
#include "model/blocks/context_batch.h"
#include "model/interface/model_state.h"
#include "model/mime/config.h"
#include "model/text/dataset.h"

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace ethreed {

/// The tensors batch.* of a trace.
std::vector<std::pair<std::string, Tensor<std::int64_t>>> mime_trace_inputs(const MimeConfig& config,
                                                                            const ContextBatch& batch);

/// Runs forward and backward of `loss.total` on these dialogues, r drawn from `seed` as in step 0 of a training, and
/// writes every tensor, ragged as they are computed: R replies, the longest first, N target tokens, C positions.
///   param.<name>, grad.<name>
///   batch.context_offsets [R + 1], batch.context_words [C] (CLS is V), batch.context_states [C] (0 CLS, 1 the speaker,
///   2 the listener); batch.target_offsets [R + 1], batch.inputs [N], batch.targets [N] (word ids);
///   batch.emotion [R] (−1: none), batch.positive_emotions [K] (1 or 0)
///   noise.prior_positive, noise.prior_negative [R, d], with the posterior's sample noise.posterior_positive and
///   _negative; none where training draws nothing
///   context.input [C, D_w], context.states [C, d], classifier.logits [R, K]
///   {prior,posterior}.{positive,negative}_{mean,log_variance} [R, d], emotion.{positive,negative} [R, d] (e_g)
///   mimicry.states, other_mimicry.states, fusion.states [C, d], decoder.states [N, d], decoder.nll [N]
///   loss.generation, loss.divergence_positive, loss.divergence_negative, loss.emotion_speaker, loss.total
/// Metadata: config (the model's, as JSON), label_smoothing, pad (the word that has no share in it). `state` is on the
/// host; the gradients stay in it. Throws Error if a value is not finite or the file cannot be
/// written.
template <class T>
void write_mime_trace(Context& context, ModelState<T>& state, const MimeConfig& config, const Split& split,
                      Indices dialogues, std::uint64_t seed, const std::filesystem::path& path);

}  // namespace ethreed
