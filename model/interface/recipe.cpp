#include "model/interface/recipe.h"

#include "core/error.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

namespace ethreed {

namespace {

constexpr std::array<std::string_view, 3> schedule_names{"step", "inverse_square_root", "linear"};

constexpr int least_average_updates = 100;

}  // namespace

ConfigFields Recipe::fields() {
  return {{"epochs", &epochs, 1, 100000},
          {"batch", &batch, 1, 65536},
          {"learning_rate", &learning_rate, 0.0, 10.0},
          {"learning_rate_factor", &learning_rate_factor, 1e-6, 1.0},
          {"learning_rate_epochs", &learning_rate_epochs, 1, 100000},
          {"adam_beta1", &adam_beta1, 0.0, 0.999999},
          {"adam_beta2", &adam_beta2, 0.0, 0.999999},
          {"adam_epsilon", &adam_epsilon, 1e-30, 1.0},
          {"clip_norm", &clip_norm, 1e-6, 1e9},
          {"seed", &seed},
          {.key = "schedule", .value = named_choice(schedule, schedule_names), .unwritten = 0},
          {.key = "warm_up_steps", .value = &warm_up_steps, .low = 0, .high = 1e9, .unwritten = 0},
          {.key = "weight_decay", .value = &weight_decay, .low = 0, .high = 10, .unwritten = 0},
          {.key = "average_updates", .value = &average_updates, .low = 0, .high = 1e9, .unwritten = 0},
          {.key = "patience", .value = &patience, .low = 0, .high = 100000, .unwritten = 0},
          {.key = "epoch_steps", .value = &epoch_steps, .low = 0, .high = 1e9, .unwritten = 0},
          {.key = "epochs_per_pass", .value = &epochs_per_pass, .low = 1, .high = 100000, .unwritten = 1},
          {.key = "first_best_epoch", .value = &first_best_epoch, .low = 1, .high = 100000, .unwritten = 1},
          {.key = "updates_per_batch", .value = &updates_per_batch, .low = 1, .high = 100000, .unwritten = 1}};
}

void Recipe::check() const {
  Recipe copy = *this;
  check_fields(copy.fields());
  ETHREED_CHECK(average_updates == 0 || average_updates >= least_average_updates,
                "config key 'average_updates' is {}, wanted 0 (no average) or {} at least", average_updates,
                least_average_updates);
  ETHREED_CHECK(epoch_steps == 0 || epochs_per_pass == 1,
                "config keys 'epoch_steps' ({}) and 'epochs_per_pass' ({}) both say how long an epoch is; give one",
                epoch_steps, epochs_per_pass);
}

std::int64_t Recipe::steps_per_epoch(std::int64_t examples) const {
  if (epoch_steps > 0) return epoch_steps;
  const std::int64_t steps = (examples + batch - 1) / batch * updates_per_batch;
  return (steps + epochs_per_pass - 1) / epochs_per_pass;
}

DrawnBatch Recipe::batch_of(std::int64_t step, std::int64_t examples) const {
  const std::int64_t batches = std::max<std::int64_t>(1, (examples + batch - 1) / batch);
  const std::int64_t drawn = step / updates_per_batch;
  return {.pass = drawn / batches, .batch = drawn % batches};
}

double Recipe::learning_rate_at(int epoch, std::int64_t step, std::int64_t steps_per_epoch) const {
  const auto now = static_cast<double>(step + 1);
  const auto warm = static_cast<double>(std::max(1, warm_up_steps));
  switch (schedule) {
    case Schedule::step: return learning_rate * std::pow(learning_rate_factor, epoch / learning_rate_epochs);
    case Schedule::inverse_square_root: return learning_rate * std::min(now / warm, std::sqrt(warm / now));
    case Schedule::linear: {
      const auto all = static_cast<double>(epochs * steps_per_epoch);
      if (now < warm) return learning_rate * now / warm;
      return learning_rate * std::max(0.0, (all - now + 1) / std::max(1.0, all - warm + 1));
    }
  }
  return learning_rate;
}

}  // namespace ethreed
