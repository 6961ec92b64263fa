#pragma once
// How a model names its parameters: handles of layers, the visitors that lay them out, and their binding to a tape.

#include "autograd/tape.h"
#include "model/blocks/parameter_layout.h"

#include <span>
#include <string_view>

namespace ethreed {

/// A linear layer: y = W x + b. A layer without a bias leaves it unset.
template <class Handle> struct LinearHandles { Handle weight{}, bias{}; };
/// A GRU cell in PyTorch's layout, gate order r, z, n.
template <class Handle> struct GruHandles { Handle weight_ih{}, weight_hh{}, bias_ih{}, bias_hh{}; };

/// A model lists its parameters once, in a function visit_parameters(config, named handles, visit), which calls
/// visit(prefix, suffix, shape, initial values, handle) for every parameter that the configuration has, in the order of
/// the block. The name is prefix + suffix: in two parts, so that nothing is allocated where names are not needed.
/// The two below do so for the layers that models share.
template <class Handle, class Visit>
void visit_linear(Visit& visit, std::string_view prefix, int out, int in, LinearHandles<Handle>& h) {
  const InitialValues uniform{.fan_in = in};
  visit(prefix, ".weight", Shape{out, in}, uniform, h.weight);
  visit(prefix, ".bias", Shape{out}, uniform, h.bias);
}

/// Names end in .weight_ih and so on, or for the layers of an encoder in .weight_ih_l0 or .weight_ih_l0_reverse.
enum class GruNames { cell, forward_layer, reverse_layer };

template <class Handle, class Visit>
void visit_gru(Visit& visit, std::string_view prefix, GruNames names, int input, int hidden, double update_gate_bias,
               GruHandles<Handle>& h) {
  using Name = std::string_view;
  const auto name = [&](Name cell, Name layer, Name reverse) {
    return names == GruNames::cell ? cell : names == GruNames::forward_layer ? layer : reverse;
  };
  const InitialValues uniform{.fan_in = input}, orthogonal{.how = Initialisation::orthogonal, .fan_in = hidden};
  const InitialValues recurrent_bias{
      .how = Initialisation::recurrent_bias, .fan_in = hidden, .update_gate_bias = update_gate_bias};
  visit(prefix, name(".weight_ih", ".weight_ih_l0", ".weight_ih_l0_reverse"), Shape{3 * hidden, input}, uniform,
        h.weight_ih);
  visit(prefix, name(".weight_hh", ".weight_hh_l0", ".weight_hh_l0_reverse"), Shape{3 * hidden, hidden}, orthogonal,
        h.weight_hh);
  visit(prefix, name(".bias_ih", ".bias_ih_l0", ".bias_ih_l0_reverse"), Shape{3 * hidden}, uniform, h.bias_ih);
  visit(prefix, name(".bias_hh", ".bias_hh_l0", ".bias_hh_l0_reverse"), Shape{3 * hidden}, recurrent_bias, h.bias_hh);
}

/// The parameters of a model on one tape, in the order of its layout.
template <class T> using ParameterHandles = std::span<const Variable<T>>;

/// Handles for one step over a block of values and a block of gradients (null when the tape does not record).
/// Allocates in the step arena only.
template <class T>
ParameterHandles<T> bind_parameters(Tape<T>& tape, const ParameterLayout& layout, T* values, T* gradients) {
  const std::size_t count = layout.entries().size();
  auto* handles = tape.context().arena.template allocate<Variable<T>>(static_cast<std::int64_t>(count));
  for (std::size_t i = 0; i < count; ++i) {
    const ParameterLayout::Entry& entry = layout.entries()[i];
    handles[i] =
        tape.parameter(View<T>(values + entry.offset, entry.shape), gradients ? gradients + entry.offset : nullptr);
  }
  return {handles, count};
}

/// Zeroes the gradients of parameters that the backward pass did not reach (what an ablation or an empty batch leaves
/// out).
template <class T>
void zero_untouched_gradients(const Context& context, const ParameterLayout& layout, ParameterHandles<T> handles) {
  for (std::size_t i = 0; i < handles.size(); ++i)
    if (!handles[i].node()->written) context.clear(handles[i].node()->gradient, layout.entries()[i].shape.count());
}

}  // namespace ethreed
