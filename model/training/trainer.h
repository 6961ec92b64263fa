#pragma once
// The recipe of section 6: one step, one epoch, a whole run that can be stopped anywhere and taken up again.

#include "core/context.h"
#include "kernels/adam/adam.h"
#include "model/evaluation/evaluator.h"
#include "model/interface/split_examples.h"
#include "model/training/checkpoint.h"

#include <array>
#include <filesystem>
#include <functional>
#include <string_view>

namespace ethreed {

/// Loss terms of one step (0 where a term does not exist) and what the step was.
struct StepReport {
  std::array<double, max_loss_terms> term{};  ///< in the order of the model's losses()
  std::array<bool, max_loss_terms> has{};     ///< is there such a term
  double total = 0;
  double gradient_norm = 0;  ///< before clipping
  int targets = 0;           ///< target tokens, or texts
};

/// Adam's arguments for all parameters after the step-th backward (counted from 0); gradient_norm and loss [1] are on
/// the device of the state.
template <class T>
Adam<T> adam_of_step(ModelState<T>& state, const Recipe& recipe, std::int64_t step, double learning_rate,
                     const double* gradient_norm, const T* loss);

/// One optimizer step.
struct StepArguments {
  std::int64_t step = 0;  ///< counted from 0
  double learning_rate = 0;
  bool graph = false;  ///< on a device: the whole step as one CUDA graph; changes no number
  std::string_view advice = "use a smaller learning rate";  ///< what to do if the loss is not finite
};

/// Forward, backward, clip, Adam; the arenas of the context are reset first. `state` is on the device of the context
/// (DeviceModel). The host waits at the end, for the losses and the norm, and where the model reads what it computed.
/// Throws Error if the loss or the gradient norm is not finite; the parameters are then as they were.
template <class T>
StepReport training_step(Context& context, const Model& model, ModelState<T>& state, const Recipe& recipe,
                         const ModelBatch& batch, const StepArguments& arguments);

/// What a run tells whoever watches it. Every function may be empty.
struct TrainingObserver {
  std::function<void(const TrainingProgress&, const StepReport&, std::int64_t batches)> step;
  std::function<void(const TrainingProgress&, double learning_rate)> log_line;  ///< progress.running holds the sums
  /// Figures and losses of the validation.
  std::function<void(const TrainingProgress&, std::span<const double> figures, const LossMeans&, double learning_rate)>
      epoch;
  std::function<void(int done, int examples)> validation;
  std::function<bool()> stop;  ///< true: save and return at the next step boundary
};

struct RunOptions {
  std::filesystem::path directory;  ///< RUN: gets last/ and best/
  std::int64_t log_every = 50;      ///< steps between lines of the log
  std::int64_t save_every = 1000;   ///< steps between checkpoints within an epoch; 0: at the end of epochs only
  bool graphs = true;               ///< on a device: every step as one CUDA graph
  std::int64_t max_steps = 0;       ///< stop (as by a signal) after so many steps of the whole run; 0: no limit
};

/// Trains the model of `info.config` from `info.progress` to the end of the last epoch, to the recipe's early stop or
/// to a stop from outside. Checkpoints: RUN/last every save_every steps, at every epoch's end and at a stop; RUN/best
/// when the figure by which the model selects is the best so far. Returns false if it was stopped from outside. Throws
/// Error as training_step and save_checkpoint do.
bool train(Context& context, ModelState<float>& state, CheckpointInfo& info, const Dataset& data,
           const RunOptions& options, const TrainingObserver& observer);

}  // namespace ethreed
