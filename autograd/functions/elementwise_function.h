#pragma once
// Differentiable functions element by element: autograd over kernels/elementwise.

#include "autograd/tape.h"
#include "kernels/elementwise/elementwise.h"

#include <string_view>

namespace ethreed {

/// The function of this number in elementwise::Functions, which has two inputs, or one. `name` is for error messages.
template <class T> Variable<T> apply(Tape<T>& tape, int function, std::string_view name, Variable<T> a, Variable<T> b);
template <class T> Variable<T> apply(Tape<T>& tape, int function, std::string_view name, Variable<T> a);

/// F of elementwise_functions.h at every element, of the shape of the first variable.
///   a, b  the same shape; they may be the same variable; b for a function of two inputs
/// Throws Error on an absent variable and on shapes that differ.
template <class F, class T> Variable<T> apply(Tape<T>& tape, Variable<T> a, Variable<T> b) {
  static_assert(F::inputs == 2);
  return apply(tape, elementwise::number_of<F>, F::name, a, b);
}
template <class F, class T> Variable<T> apply(Tape<T>& tape, Variable<T> a) {
  static_assert(F::inputs == 1);
  return apply(tape, elementwise::number_of<F>, F::name, a);
}

/// a + b and a ⊙ b.
template <class T> Variable<T> add(Tape<T>& tape, Variable<T> a, Variable<T> b) {
  return apply<elementwise::Add>(tape, a, b);
}
template <class T> Variable<T> multiply(Tape<T>& tape, Variable<T> a, Variable<T> b) {
  return apply<elementwise::Multiply>(tape, a, b);
}
template <class T> Variable<T> tanh(Tape<T>& tape, Variable<T> x) { return apply<elementwise::Tanh>(tape, x); }

/// 1/√x, x > 0.
template <class T> Variable<T> inverse_square_root(Tape<T>& tape, Variable<T> x) {
  return apply<elementwise::InverseSquareRoot>(tape, x);
}
/// max(0, 1 − sign ⊙ score)².
template <class T> Variable<T> squared_hinge(Tape<T>& tape, Variable<T> score, Variable<T> sign) {
  return apply<elementwise::SquaredHinge>(tape, score, sign);
}

/// x ⊙ mask: dropout. `mask` has as many elements as x, is in memory of the device, gets no gradient and must outlive
/// the tape; null (no dropout) gives x itself. Throws Error on an absent x.
template <class T> Variable<T> masked(Tape<T>& tape, Variable<T> x, std::type_identity_t<const T*> mask);

}  // namespace ethreed
