#pragma once
// Runs a model over a split: teacher forced for the figures, free for the replies.

#include "core/context.h"
#include "model/training/decoding.h"
#include "model/training/metrics.h"
#include "model/training/model_state.h"
#include "model/training/split_batches.h"

#include <functional>

namespace ethreed {

/// Dialogues of a batch in evaluation and generation. Fixed: the shape of a product is part of its bits.
inline constexpr int evaluation_batch = 32;

/// R̂ in evaluation and generation (section 6): a sample with noise fixed by a seed and the turn's place, or μ.
struct PolicyMode {
  bool sample = true;
  std::uint64_t seed = 1;
};

/// One turn with the model's reply.
struct GeneratedTurn {
  int dialogue = 0;
  int turn = 0;
  Reply reply;
  int speaker_emotion = 0;  ///< argmax W_e e^P: what the model tracks
  int reply_emotion = 0;    ///< argmax W_e R̂: what the policy wants the reply to express
};

/// ε of every turn of a batch [N, D_e] on the device, from the turn's place in its split, so that it does not
/// depend on how dialogues are batched; null if the mode does not sample or the model has no policy.
template <class T>
const T* evaluation_noise(Context& context, const ModelConfig& config, const SplitBatches& batches,
                          std::span<const std::int32_t> dialogues, const Batch& batch, const PolicyMode& mode);

template <class T> class Evaluator {
 public:
  /// The model is on the device of the context (DeviceModel) and must outlive the evaluator. The arenas of the context
  /// are reset at every batch.
  Evaluator(Context context, ModelState<T>& model) : context_(context), model_(model) {}

  /// Figures over a split. `progress`, if given, is called with the dialogues done after every batch and stops the
  /// evaluation by returning false (then Error "interrupted" is thrown).
  EvaluationResult evaluate(SplitBatches& batches, const PolicyMode& mode,
                            const std::function<bool(int done)>& progress = {});

  /// Replies to the first `limit` dialogues of a split (all if negative), in order: `consume` is called for every turn.
  void generate(SplitBatches& batches, int limit, const PolicyMode& mode, const DecodeOptions& options,
                const std::function<bool(const GeneratedTurn&)>& consume);

 private:
  Context context_;
  ModelState<T>& model_;
};

}  // namespace ethreed
