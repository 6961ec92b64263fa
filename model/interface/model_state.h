#pragma once
// Everything a run learns: the parameters and, for training, their gradients and Adam's moments, in blocks of one
// layout.

#include "core/tensor.h"
#include "model/blocks/parameters.h"

namespace ethreed {

template <class T> struct ModelState {
  ParameterLayout layout;
  Tensor<T> values;         ///< [layout.size()]
  Tensor<T> gradients;      ///< the same, or empty if not for training
  Tensor<T> first_moment;   ///< m of Adam, likewise
  Tensor<T> second_moment;  ///< v of Adam, likewise
  Tensor<T> average{};      ///< of the values over the last updates, or empty: see parameter_average.h

  /// All zero.
  explicit ModelState(const ParameterLayout& layout_, bool for_training) : layout(layout_), values({layout.size()}) {
    if (!for_training) return;
    for (Tensor<T>* block : {&gradients, &first_moment, &second_moment}) *block = Tensor<T>({layout.size()});
  }

  /// Handles on the parameters for one step of this tape.
  ParameterHandles<T> bind(Tape<T>& tape) {
    return bind_parameters(tape, layout, values.data(), gradients.count() > 0 ? gradients.data() : nullptr);
  }
};

}  // namespace ethreed
