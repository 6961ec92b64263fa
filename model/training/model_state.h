#pragma once
// Everything a run learns: the parameters and, for training, their gradients and Adam's moments, in blocks of one
// layout.

#include "model/ethreed/parameters.h"

namespace ethreed {

template <class T> struct ModelState {
  ModelConfig config;
  ParameterLayout layout;
  Tensor<T> values;         ///< [layout.size()]
  Tensor<T> gradients;      ///< the same, or empty if not for training
  Tensor<T> first_moment;   ///< m of Adam, likewise
  Tensor<T> second_moment;  ///< v of Adam, likewise

  /// All zero. Throws Error if the configuration is not valid.
  explicit ModelState(const ModelConfig& config_, bool for_training)
      : config(config_), layout(config_), values({layout.size()}) {
    if (!for_training) return;
    for (Tensor<T>* block : {&gradients, &first_moment, &second_moment}) *block = Tensor<T>({layout.size()});
  }

  /// Handles on the parameters for one step of this tape.
  ModelParameters<Variable<T>> bind(Tape<T>& tape) {
    return bind_parameters(tape, config, layout, values.data(), gradients.count() > 0 ? gradients.data() : nullptr);
  }
};

}  // namespace ethreed
