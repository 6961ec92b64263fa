#pragma once
// Differentiable GRUs over ragged sequences: autograd over kernels/gru_sequence.

#include "autograd/tape.h"
#include "core/indices.h"
#include "kernels/gru_sequence/gru_sequence.h"

#include <array>
#include <span>
#include <type_traits>

namespace ethreed {

/// One GRU in one direction over a packing, H hidden units, gates in the order r, z, n.
///   input_gates  [rows, 3H]: W_ih x + b_ih of all packed rows, made by one `linear`; [inputs, 3H] with input_rows
///   weight_hh    [3H, H];  bias_hh [3H]
///   initial      [sequences, H] in packed order, or Variable{} for zeros
///   state_mask   [rows, H] multipliers of the new states (dropout; the masked state is carried on), or null for none;
///                must live until the backward has run
///   reverse      from each sequence's last token to its first
template <class T> struct GruLane {
  Variable<T> input_gates;
  Variable<T> weight_hh;
  Variable<T> bias_hh;
  Variable<T> initial;
  const T* state_mask = nullptr;
  bool reverse = false;
};

/// The states of one or two lanes over the same packing, each [rows, H] in packed order (the second is absent for one
/// lane). Two lanes run at the same time, one thread each. input_rows [rows] says which row of input_gates each packed
/// row reads, in all lanes, so that equal inputs are multiplied once; empty: row i reads row i. Offsets and indices are
/// copied where they are needed later. Throws Error on an invalid packing, on shapes that do not fit, on an index
/// outside the input gates, on another number of lanes, and if two lanes share a variable that wants a gradient (both
/// would write it at once).
template <class T>
std::array<Variable<T>, gru_max_lanes> gru_sequence(Tape<T>& tape, Packing packing,
                                                    std::type_identity_t<std::span<const GruLane<T>>> lanes,
                                                    Indices input_rows = {});

/// One lane; its threads share the matrix products of every step. Returns the states [rows, H].
template <class T>
Variable<T> gru_sequence(Tape<T>& tape, Packing packing, const std::type_identity_t<GruLane<T>>& lane,
                         Indices input_rows = {});

}  // namespace ethreed
