#pragma once
// Differentiable losses and their weighted sum: autograd over kernels/loss_sum.

#include "autograd/tape.h"
#include "kernels/loss_sum/loss_sum.h"

#include <array>
#include <initializer_list>
#include <span>

namespace ethreed {

/// Everything that belongs to one loss: scale·Σ x over all elements of x (a mean has scale 1 / count), and its weight
/// in the total.
template <class T> struct LossTerm {
  Variable<T> x;
  double scale = 1.0;
  double weight = 1.0;
};

/// Views of one array. A gradient may flow into any of the terms and into the total; `all` is for reading only.
template <class T> struct LossSum {
  std::array<Variable<T>, loss_sum_max_terms> term{};  ///< [1] each, in the order of the arguments
  Variable<T> total;                                   ///< [1], Σ_k weight_k·term_k
  Variable<T> all;                                     ///< [terms + 1], the terms and then the total
};

/// One to eight terms; several may have the same x. Throws Error on another number of them and on an absent x.
template <class T> LossSum<T> loss_sum(Tape<T>& tape, std::span<const LossTerm<T>> terms);

/// loss_sum<T>(tape, {{x, 1.0 / 6}, {other, 1.0, 0.5}})
template <class T> LossSum<T> loss_sum(Tape<T>& tape, std::initializer_list<LossTerm<T>> terms) {
  return loss_sum(tape, std::span<const LossTerm<T>>(terms.begin(), terms.size()));
}

}  // namespace ethreed
