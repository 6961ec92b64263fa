#pragma once
// The two layers that every part of the model is made of, on handles of parameters.

#include "autograd/functions/gru_sequence_function.h"
#include "autograd/functions/linear_function.h"
#include "model/ethreed/parameters.h"

namespace ethreed {

/// W [x_1 ; x_2 ; …] + b, with tanh if asked.
template <class T>
Variable<T> apply(Tape<T>& tape, const LinearHandles<Variable<T>>& layer, std::initializer_list<Variable<T>> x,
                  Activation activation = Activation::none) {
  return linear(tape, x, layer.weight, layer.bias, activation);
}

/// A GRU over packed sequences x [rows, ·] from `initial` (absent: zeros): the input product for all rows at once, then
/// the recurrence. `state_mask` [rows, H] multiplies every new state before it is carried on (dropout), null for none.
/// With input_rows [rows], x [inputs, ·] are the different inputs, and those which row reads.
template <class T>
Variable<T> apply_gru(Tape<T>& tape, const GruHandles<Variable<T>>& cell, Packing packing,
                      std::initializer_list<Variable<T>> x, Variable<T> initial = {},
                      std::type_identity_t<const T*> state_mask = nullptr,
                      std::span<const std::int32_t> input_rows = {}) {
  const GruLane<T> lane{.input_gates = linear(tape, x, cell.weight_ih, cell.bias_ih),
                        .weight_hh = cell.weight_hh,
                        .bias_hh = cell.bias_hh,
                        .initial = initial,
                        .state_mask = state_mask,
                        .reverse = false};
  return gru_sequence(tape, packing, lane, input_rows);
}

}  // namespace ethreed
