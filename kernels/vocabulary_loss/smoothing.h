#pragma once
// The wanted distribution p* of a smoothed loss: what the losses over a vocabulary share. `F` is the arguments of one,
// which have `vocabulary`, `smoothing` (ε) and `excluded`; VocabularyLossForward says what they mean.

#include "core/host_device.h"

#include <cmath>
#include <cstdint>

namespace ethreed::smoothed {

template <class F> ETHREED_HOST_DEVICE bool counts(const F& f, std::int32_t target) {
  return target >= 0 && target != f.excluded;
}
/// n, the classes that share ε.
template <class F> ETHREED_HOST_DEVICE int others(const F& f) { return f.vocabulary - (f.excluded >= 0 ? 2 : 1); }
/// q
template <class F> ETHREED_HOST_DEVICE auto share(const F& f) {
  using T = decltype(F::smoothing);
  return f.smoothing > T{0} ? f.smoothing / static_cast<T>(others(f)) : T{0};
}
/// p*_v
template <class F> ETHREED_HOST_DEVICE auto wanted(const F& f, std::int32_t v, std::int32_t target) {
  using T = decltype(F::smoothing);
  return v == target ? T{1} - f.smoothing : v == f.excluded ? T{0} : share(f);
}
/// A logit's term of the sum over the others, Σ (logit − max).
template <class F, class T> ETHREED_HOST_DEVICE T term(const F& f, int v, std::int32_t target, T logit, T max) {
  return v == target || v == f.excluded ? T{0} : logit - max;
}
/// The loss of a row from log P_y and the sum of those terms.
template <class F, class T> ETHREED_HOST_DEVICE T loss(const F& f, T log_probability, T log_sum, T terms) {
  if (!(f.smoothing > T{0})) return -log_probability;
  const T rest = T{1} - f.smoothing, q = share(f);
  const T least = rest * std::log(rest) + f.smoothing * std::log(q);
  return least - rest * log_probability - q * (terms - static_cast<T>(others(f)) * log_sum);
}

}  // namespace ethreed::smoothed
