#pragma once
// The random numbers of a pass: dropout of section 3 (and, where it is asked for, elsewhere) and ε of (11); and what
// else changes from update to update.

#include "model/blocks/dialogue_batch.h"
#include "model/ethreed/emotion_tracker.h"
#include "model/ethreed/utterance_encoder.h"
#include "model/interface/model.h"

namespace ethreed {

/// Drawn before the pass. Null pointers: no dropout; R̂ = μ.
template <class T> struct StepNoise {
  TrackerMasks<T> masks;
  const T* words = nullptr;  ///< [batch.word_ids, D_w]
  EncoderMasks<T> encoder;
  const T* features = nullptr;  ///< [target tokens, bottleneck]
  SituationMasks<T> situations;
  const T* policy = nullptr;   ///< ε [N, D_e] by turn row
  double policy_share = 1;     ///< of the weight of L2
  bool frozen_words = false;   ///< E has no gradient
  bool shuffle_plans = false;  ///< a turn's R̂ is that of another dialogue
};

/// Multipliers of dropout and ε of one training step, drawn from (seed, step) into the step arena.
template <class T>
StepNoise<T> draw_training_noise(Context& context, const EthreedConfig& config, const DialogueBatch& batch,
                                 std::uint64_t seed, std::int64_t step);

/// ε of every turn of a batch [N, D_e] on the device, from the turn's place in its split, so that it does not depend on
/// how dialogues are batched; null if the configuration has no policy. Of the options the seeds are read.
template <class T>
const T* draw_evaluation_noise(Context& context, const EthreedConfig& config, const DialogueBatch& batch,
                               const ReplyOptions& options);

/// What a pass with these options draws.
template <class T>
StepNoise<T> draw_noise(Context& context, const EthreedConfig& config, const DialogueBatch& batch,
                        const PassOptions& options);

}  // namespace ethreed
