#pragma once
// The recipe of section 6: one step, one epoch, a whole run that can be stopped anywhere and taken up again.

#include "core/context.h"
#include "model/text/dataset.h"
#include "model/training/checkpoint.h"
#include "model/training/deferred_update.h"
#include "model/training/evaluator.h"
#include "model/training/model_state.h"
#include "model/training/split_batches.h"

#include <filesystem>
#include <functional>
#include <type_traits>

namespace ethreed {

/// Loss terms of one step (0 where a term does not exist) and what the step was.
struct StepReport {
  double total = 0, emotion_speaker = 0, emotion_listener = 0, policy = 0, generation = 0, coverage = 0;
  double gradient_norm = 0;  ///< before clipping
  int tokens = 0;            ///< target tokens
};

/// Multipliers of dropout and ε of one step, drawn from (seed, step) into the step arena.
template <class T>
StepNoise<T> draw_training_noise(Context& context, const ModelConfig& config, const TrainingConfig& training,
                                 const Batch& batch, std::int64_t step);

/// Adam's arguments for all parameters of the model after the step-th backward (counted from 0); gradient_norm and loss
/// [1] are on the device of the model.
template <class T>
Adam<T> adam_of_step(ModelState<T>& model, const TrainingConfig& training, std::int64_t step, double learning_rate,
                     const double* gradient_norm, const T* loss);

/// How a step is run; none of it changes a number.
template <class T> struct StepOptions {
  bool graph = false;  ///< on a device: the whole step as one CUDA graph
  /// On the CPU: where the rest of the update is left for the next step, which must be given the same; whoever reads
  /// the parameters in between calls its finish(). Null: the step ends with all of them updated, as on a device.
  DeferredUpdate<T>* update = nullptr;
};

/// Forward, backward, clip, Adam. `step` counts from 0; the arenas of the context are reset first. `model` is on the
/// device of the context (DeviceModel). The host waits once, at the end, for the losses and the norm.
/// Throws Error if the loss or the gradient norm is not finite; the parameters are then as they were.
template <class T>
StepReport training_step(Context& context, ModelState<T>& model, const TrainingConfig& training, const Batch& batch,
                         std::int64_t step, double learning_rate,
                         const std::type_identity_t<StepOptions<T>>& options = {});

/// What a run tells whoever watches it. Every function may be empty.
struct TrainingObserver {
  std::function<void(const TrainingProgress&, const StepReport&, std::int64_t batches)> step;
  std::function<void(const TrainingProgress&, double learning_rate)> log_line;  ///< progress.running holds the sums
  std::function<void(const TrainingProgress&, const EvaluationResult&, double learning_rate)> epoch;
  std::function<void(int done, int dialogues)> validation;
  std::function<bool()> stop;  ///< true: save and return at the next step boundary
};

struct RunOptions {
  std::filesystem::path directory;  ///< RUN: gets last/ and best/
  std::int64_t log_every = 50;      ///< steps between lines of the log
  std::int64_t save_every = 1000;   ///< steps between checkpoints within an epoch; 0: at the end of epochs only
  bool graphs = true;               ///< on a device: every step as one CUDA graph
  std::int64_t max_steps = 0;       ///< stop (as by a signal) after so many steps of the whole run; 0: no limit
};

/// Trains from `info.progress` to the end of the last epoch or to a stop. Checkpoints: RUN/last every save_every steps,
/// at every epoch's end and at a stop; RUN/best when the validation perplexity (token) is the best so far. Returns
/// false if it was stopped before the end. Throws Error as training_step and save_checkpoint do.
bool train(Context& context, ModelState<float>& model, CheckpointInfo& info, const Dataset& data,
           const RunOptions& options, const TrainingObserver& observer);

}  // namespace ethreed
