#pragma once
// How a model is trained: what every model's recipe says. A model names its paper's values as defaults.

#include "model/blocks/config_fields.h"

#include <cstdint>
#include <string_view>

namespace ethreed {

/// How the learning rate changes.
enum class Schedule {
  step,                 ///< × learning_rate_factor every learning_rate_epochs epochs
  inverse_square_root,  ///< rises over warm_up_steps, then falls with 1/√step (Vaswani et al., 2017)
  linear,               ///< rises over warm_up_steps, then falls to 0 at the end of the last epoch
};

/// What a step learns from: a batch of a pass over the training split, both from 0.
struct DrawnBatch {
  std::int64_t pass = 0, batch = 0;
  bool operator==(const DrawnBatch&) const = default;
};

/// An epoch is what lies between two validations: a pass over the training split, unless epoch_steps or epochs_per_pass
/// say otherwise.
struct Recipe {
  int epochs = 9;
  int batch = 8;  ///< examples
  double learning_rate = 5e-4;
  double learning_rate_factor = 0.3;  ///< applied every `learning_rate_epochs`
  int learning_rate_epochs = 3;
  double adam_beta1 = 0.9;
  double adam_beta2 = 0.999;
  double adam_epsilon = 1e-8;
  double clip_norm = 1.0;
  std::uint64_t seed = 1;
  Schedule schedule = Schedule::step;
  int warm_up_steps = 0;
  double weight_decay = 0;   ///< decoupled (AdamW)
  int average_updates = 0;   ///< the model is an average of the parameters over about so many updates; 0: the last ones
  int patience = 0;          ///< stop after so many epochs in a row without a better one; 0: never
  int epoch_steps = 0;       ///< steps of an epoch; 0: as epochs_per_pass says
  int epochs_per_pass = 1;   ///< epochs of a pass over the training split
  int first_best_epoch = 1;  ///< from 1: this one takes the place of all before it, and patience counts from it
  int updates_per_batch = 1;  ///< steps in a row that learn from the same batch

  /// The keys of a configuration file's section `training` that every model has. They point into this object.
  ConfigFields fields();
  /// Throws Error naming the key if a value is out of range.
  void check() const;
  /// Learning rate of step `step` (from 0) in epoch `epoch` (from 0), of which each has `steps_per_epoch` steps.
  double learning_rate_at(int epoch, std::int64_t step, std::int64_t steps_per_epoch) const;
  /// Steps of an epoch where the training split has so many examples.
  std::int64_t steps_per_epoch(std::int64_t examples) const;
  /// What step `step` (from 0, of the whole run) learns from.
  DrawnBatch batch_of(std::int64_t step, std::int64_t examples) const;
  bool operator==(const Recipe&) const = default;
};

/// Keys of a configuration under a name.
struct NamedRecipe {
  std::string_view name;
  std::string_view summary;  ///< one line for people
  std::string_view keys;     ///< JSON: {"model": {…}, "training": {…}}
};

}  // namespace ethreed
