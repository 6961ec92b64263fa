#pragma once
// The layers that models are made of, on handles of parameters.

#include "autograd/functions/gru_sequence_function.h"
#include "autograd/functions/linear_function.h"
#include "core/indices.h"
#include "model/blocks/parameters.h"

namespace ethreed {

/// W [x_1 ; x_2 ; …] + b, with tanh if asked.
template <class T>
Variable<T> linear_layer(Tape<T>& tape, const LinearHandles<Variable<T>>& layer, std::initializer_list<Variable<T>> x,
                         Activation activation = Activation::none) {
  return linear(tape, x, layer.weight, layer.bias, activation);
}

/// Zeros [rows, columns], a constant.
template <class T> Variable<T> zeros(Tape<T>& tape, int rows, int columns) {
  const std::int64_t count = std::int64_t{rows} * columns;
  T* values = tape.context().values.template allocate<T>(count);
  tape.context().clear(values, count);
  return tape.constant(View<const T>(values, {rows, columns}));
}

/// A GRU over packed sequences x [rows, ·] from `initial` (absent: zeros): the input product for all rows at once, then
/// the recurrence. `state_mask` [rows, H] multiplies every new state before it is carried on (dropout), null for none.
/// With input_rows [rows], x [inputs, ·] are the different inputs, and those say which of them a row reads.
template <class T>
Variable<T> gru_layer(Tape<T>& tape, const GruHandles<Variable<T>>& cell, Packing packing,
                      std::initializer_list<Variable<T>> x, Variable<T> initial = {},
                      std::type_identity_t<const T*> state_mask = nullptr, Indices input_rows = {}) {
  const GruLane<T> lane{.input_gates = linear(tape, x, cell.weight_ih, cell.bias_ih),
                        .weight_hh = cell.weight_hh,
                        .bias_hh = cell.bias_hh,
                        .initial = initial,
                        .state_mask = state_mask,
                        .reverse = false};
  return gru_sequence(tape, packing, lane, input_rows);
}

/// Both directions of a GRU over packed sequences; see gru_layer.
template <class T> struct BidirectionalStates {
  Variable<T> forward, reverse;  ///< [rows, H] each
};
template <class T>
BidirectionalStates<T> bidirectional_gru_layer(Tape<T>& tape, const GruHandles<Variable<T>>& forward,
                                               const GruHandles<Variable<T>>& reverse, Packing packing, Variable<T> x,
                                               Indices input_rows = {}) {
  const auto lane = [&](const GruHandles<Variable<T>>& cell, bool reversed) {
    return GruLane<T>{.input_gates = linear(tape, {x}, cell.weight_ih, cell.bias_ih),
                      .weight_hh = cell.weight_hh,
                      .bias_hh = cell.bias_hh,
                      .reverse = reversed};
  };
  const std::array lanes{lane(forward, false), lane(reverse, true)};
  const auto states = gru_sequence<T>(tape, packing, lanes, input_rows);
  return {states[0], states[1]};
}

}  // namespace ethreed
