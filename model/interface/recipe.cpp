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
          {.key = "patience", .value = &patience, .low = 0, .high = 100000, .unwritten = 0}};
}

void Recipe::check() const {
  Recipe copy = *this;
  check_fields(copy.fields());
  ETHREED_CHECK(average_updates == 0 || average_updates >= least_average_updates,
                "config key 'average_updates' is {}, wanted 0 (no average) or {} at least", average_updates,
                least_average_updates);
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
