#pragma once
// Differentiable functions element by element: autograd over kernels/elementwise.

#include "autograd/tape.h"
#include "kernels/elementwise/elementwise.h"

#include <string_view>

namespace ethreed {

/// The function of this number in elementwise::Functions, which has two inputs, or one and perhaps a parameter. `name`
/// is for error messages.
template <class T> Variable<T> apply(Tape<T>& tape, int function, std::string_view name, Variable<T> a, Variable<T> b);
template <class T>
Variable<T> apply(Tape<T>& tape, int function, std::string_view name, Variable<T> a, double parameter);

/// F of elementwise_functions.h at every element, of the shape of the first variable.
///   a, b  the same shape; they may be the same variable; b for a function of two inputs. Where a is [N, D], D ≥ 1, b
///         may also be one row for all of a's, [1, D] or [D], or one column for all of a's, [N, 1]; its gradient is
///         then the sum over all that had it.
/// Throws Error on an absent variable and on shapes that do not fit.
template <class F, class T> Variable<T> apply(Tape<T>& tape, Variable<T> a, Variable<T> b) {
  static_assert(F::inputs == 2);
  return apply(tape, elementwise::number_of<F>, F::name, a, b);
}
template <class F, class T> Variable<T> apply(Tape<T>& tape, Variable<T> a) {
  static_assert(F::inputs == 1 && !elementwise::has_parameter<F>);
  return apply(tape, elementwise::number_of<F>, F::name, a, 0.0);
}

/// a + b, a − b and a ⊙ b; b may be a row or a column.
template <class T> Variable<T> add(Tape<T>& tape, Variable<T> a, Variable<T> b) {
  return apply<elementwise::Add>(tape, a, b);
}
template <class T> Variable<T> subtract(Tape<T>& tape, Variable<T> a, Variable<T> b) {
  return apply<elementwise::Subtract>(tape, a, b);
}
template <class T> Variable<T> multiply(Tape<T>& tape, Variable<T> a, Variable<T> b) {
  return apply<elementwise::Multiply>(tape, a, b);
}
/// factor·x, the factor rounded to T.
template <class T> Variable<T> scale(Tape<T>& tape, Variable<T> x, double factor) {
  return apply(tape, elementwise::number_of<elementwise::Scale>, elementwise::Scale::name, x, factor);
}

template <class T> Variable<T> tanh(Tape<T>& tape, Variable<T> x) { return apply<elementwise::Tanh>(tape, x); }
template <class T> Variable<T> sigmoid(Tape<T>& tape, Variable<T> x) { return apply<elementwise::Sigmoid>(tape, x); }
template <class T> Variable<T> exp(Tape<T>& tape, Variable<T> x) { return apply<elementwise::Exp>(tape, x); }
/// log x, x > 0.
template <class T> Variable<T> log(Tape<T>& tape, Variable<T> x) { return apply<elementwise::Log>(tape, x); }
/// max(x, 0), its derivative 0 at 0.
template <class T> Variable<T> relu(Tape<T>& tape, Variable<T> x) { return apply<elementwise::Relu>(tape, x); }
/// x·Φ(x), exact and by tanh.
template <class T> Variable<T> gelu(Tape<T>& tape, Variable<T> x) { return apply<elementwise::Gelu>(tape, x); }
template <class T> Variable<T> gelu_tanh(Tape<T>& tape, Variable<T> x) { return apply<elementwise::GeluTanh>(tape, x); }

/// 1/√x, x > 0.
template <class T> Variable<T> inverse_square_root(Tape<T>& tape, Variable<T> x) {
  return apply<elementwise::InverseSquareRoot>(tape, x);
}
/// max(0, 1 − sign ⊙ score)².
template <class T> Variable<T> squared_hinge(Tape<T>& tape, Variable<T> score, Variable<T> sign) {
  return apply<elementwise::SquaredHinge>(tape, score, sign);
}

/// (x − target)², element by element; the mean is loss_sum's to make.
template <class T> Variable<T> squared_error(Tape<T>& tape, Variable<T> x, Variable<T> target) {
  return apply<elementwise::SquaredError>(tape, x, target);
}
/// −t·log σ(z) − (1 − t)·log σ(−z), from logits z and targets t from 0 to 1.
template <class T> Variable<T> binary_cross_entropy(Tape<T>& tape, Variable<T> logits, Variable<T> target) {
  return apply<elementwise::BinaryCrossEntropy>(tape, logits, target);
}

/// x ⊙ mask: dropout. `mask` has as many elements as x, is in memory of the device, gets no gradient and must outlive
/// the tape; null (no dropout) gives x itself. Throws Error on an absent x.
template <class T> Variable<T> masked(Tape<T>& tape, Variable<T> x, std::type_identity_t<const T*> mask);

}  // namespace ethreed
