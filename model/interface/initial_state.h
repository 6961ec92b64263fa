#pragma once
// How a run starts.

#include "core/thread_pool.h"
#include "model/blocks/initialisation.h"
#include "model/interface/model.h"
#include "model/text/dataset.h"

namespace ethreed {

/// Fills the parameters that are numbers of the data set.
template <class T> void start_from_data(const Model& model, const Dataset& data, ModelState<T>& state) {
  Tensor<float> of_data({state.layout.size()});
  model.start_from_data(data, of_data.data());
  for (const auto& entry : state.layout.entries())
    if (entry.start.how == Initialisation::from_data)
      for (std::int64_t i = 0; i < entry.shape.count(); ++i)
        state.values[entry.offset + i] = static_cast<T>(of_data[entry.offset + i]);
}

/// Fills the parameters: those of a seed and those that are numbers of the data set. Throws Error if the data does not
/// fit the model.
template <class T>
void initialise_state(ThreadPool& pool, const Model& model, const Dataset& data, std::uint64_t seed,
                      ModelState<T>& state) {
  initialise_parameters(pool, state.layout, data.vectors(), seed, state.values.data());
  start_from_data(model, data, state);
}

}  // namespace ethreed
