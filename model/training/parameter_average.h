#pragma once
// The average of the parameters over the last updates of a training, which evaluates better than the last of them.
// Polyak, Juditsky, "Acceleration of stochastic approximation by averaging", SIAM J. Control Optim. 30, 1992; in the
// exponential form that is usual.

#include "core/context.h"
#include "model/interface/model_state.h"
#include "model/interface/recipe.h"

#include <utility>

namespace ethreed {

/// The average moves at every so many updates: often enough for an average over hundreds, and it costs nothing.
inline constexpr std::int64_t updates_per_average = 10;

/// After so many updates of the whole run (from 1): the k-th time, k = updates / updates_per_average,
///   ā ← ā + (1 − d)·(θ − ā),  d = min(1 − updates_per_average / recipe.average_updates, (1 + k) / (10 + k))
/// so that the first values, from which it starts, are soon forgotten; what never changes stays to the bit. Does
/// nothing in between and for a recipe without an average. θ is state.values, ā is state.average; both are on the
/// device of the context, which does not wait.
template <class T>
void average_parameters(Context& context, ModelState<T>& state, const Recipe& recipe, std::int64_t updates);

/// While it lives, the average, where there is one, is what the model computes with.
template <class T> class AverageInUse {
 public:
  explicit AverageInUse(ModelState<T>& state) : state_(state) { exchange(); }
  ~AverageInUse() { exchange(); }
  AverageInUse(const AverageInUse&) = delete;
  AverageInUse& operator=(const AverageInUse&) = delete;

 private:
  void exchange() {
    if (state_.average.count() > 0) std::swap(state_.values, state_.average);
  }
  ModelState<T>& state_;
};

}  // namespace ethreed
