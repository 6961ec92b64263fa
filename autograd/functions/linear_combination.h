#pragma once
// Differentiable weighted sum of scalars: autograd over kernels/linear_combination.

#include "autograd/tape.h"
#include "kernels/linear_combination/linear_combination.h"

#include <initializer_list>
#include <span>

namespace ethreed {

/// One scalar and its weight.
template <class T> struct WeightedTerm {
  Variable<T> x;
  double weight = 1.0;
};

/// Σ_k weight_k·x_k, [1], equation (26). One to eight terms of one element each; throws Error otherwise.
template <class T> Variable<T> linear_combination(Tape<T>& tape, std::span<const WeightedTerm<T>> terms);

/// linear_combination(tape, {{loss, 1.0}, {other, 0.5}})
template <class T> Variable<T> linear_combination(Tape<T>& tape, std::initializer_list<WeightedTerm<T>> terms) {
  return linear_combination(tape, std::span<const WeightedTerm<T>>(terms.begin(), terms.size()));
}

}  // namespace ethreed
