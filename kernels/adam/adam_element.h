#pragma once
// One element of Adam's update, on the CPU and on a device.

#include "core/error.h"
#include "core/host_device.h"
#include "kernels/adam/adam.h"

#include <cmath>

namespace ethreed {

template <class T> void check_adam(const Adam<T>& args) {
  ETHREED_CHECK(args.step >= 1, "adam_update: step is {}, wanted 1 or more (1 is the first update)", args.step);
  ETHREED_CHECK(args.weight_decay >= 0, "adam_update: weight_decay is {}, wanted 0 (none) or more", args.weight_decay);
}

/// Is there anything to decay by, rounded to T?
template <class T> bool adam_decays(const Adam<T>& args) {
  return static_cast<T>(args.learning_rate * args.weight_decay) != T{0};
}

/// Everything that depends neither on the element nor on the gradient, computed once in double.
template <class T> struct AdamCoefficients {
  T keep_m, take_m, keep_v, take_v, step_size, inverse_root, epsilon, decay;
};

template <class T> AdamCoefficients<T> adam_coefficients(const Adam<T>& args) {
  const double t = static_cast<double>(args.step);
  return {.keep_m = static_cast<T>(args.beta1),
          .take_m = static_cast<T>(1.0 - args.beta1),
          .keep_v = static_cast<T>(args.beta2),
          .take_v = static_cast<T>(1.0 - args.beta2),
          .step_size = static_cast<T>(args.learning_rate / (1.0 - std::pow(args.beta1, t))),
          .inverse_root = static_cast<T>(1.0 / std::sqrt(1.0 - std::pow(args.beta2, t))),
          .epsilon = static_cast<T>(args.epsilon),
          .decay = static_cast<T>(args.learning_rate * args.weight_decay)};
}

/// p, m and v by a gradient that is scaled already. Moments below the least are 0: those of a word that batches do not
/// have any more would otherwise decay into denormal numbers, and stay there, with which some processors
/// compute many times as slowly.
template <class T> ETHREED_HOST_DEVICE void adam_element(const AdamCoefficients<T>& c, T gradient, T& p, T& m, T& v) {
  m = c.keep_m * m + c.take_m * gradient;
  v = c.keep_v * v + c.take_v * (gradient * gradient);
  m = std::abs(m) < static_cast<T>(adam_least_m) ? T{0} : m;
  v = v < static_cast<T>(adam_least_v) ? T{0} : v;
  p -= c.step_size * m / (std::sqrt(v) * c.inverse_root + c.epsilon);
}

/// The same with the decay of the p before; for coefficients whose decay is not 0. Without it not even p − 0·p is
/// computed: NaN of an infinite p, and another chance to round.
template <class T>
ETHREED_HOST_DEVICE void adam_decayed_element(const AdamCoefficients<T>& c, T gradient, T& p, T& m, T& v) {
  const T before = p;
  adam_element(c, gradient, p, m, v);
  p -= c.decay * before;
}

}  // namespace ethreed
