#pragma once
// Differentiable linear layer: autograd over kernels/linear.

#include "autograd/tape.h"
#include "kernels/linear/linear.h"

#include <initializer_list>

namespace ethreed {

/// y = f([x_1 ; x_2 ; …]·weightᵀ + bias), [rows, out].
///   x       one to three variables [rows, ·], side by side in the order of weight's columns
///   weight  [out, Σ columns];  bias [out], or Variable{} for none
///   onto    [rows, out] that it is added to in place, and which is the result; without activation, on a tape that does
///           not record; Variable{} for none
/// Throws Error on shapes that do not fit, and if something is recorded with `onto` or a packed weight.
template <class T>
Variable<T> linear(Tape<T>& tape, std::initializer_list<Variable<T>> x, Variable<T> weight, Variable<T> bias,
                   Activation activation = Activation::none, Variable<T> onto = {});

}  // namespace ethreed
