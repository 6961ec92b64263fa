#pragma once
// Differentiable reparameterised sample: autograd over kernels/gaussian_sample.

#include "autograd/tape.h"
#include "kernels/gaussian_sample/gaussian_sample.h"

namespace ethreed {

/// mean + exp(log_variance / 2) ⊙ noise, of the shape of `mean`; after (9) and (10).
///   mean, log_variance  the same shape
///   noise               as many elements, ε ~ N(0, 1); a constant that must outlive the tape
/// Throws Error on sizes that do not fit.
template <class T>
Variable<T> gaussian_sample(Tape<T>& tape, Variable<T> mean, Variable<T> log_variance,
                            std::type_identity_t<View<const T>> noise);

}  // namespace ethreed
