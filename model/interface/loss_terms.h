#pragma once
// The terms of a loss, gathered and summed.

#include "autograd/functions/loss_sum_function.h"
#include "model/interface/model.h"

namespace ethreed {

/// Gathers terms in the order of the model's losses(); those that are not added stay unset.
template <class T> class LossTerms {
 public:
  /// The term Σ x · scale, which enters the total with `weight`.
  void add(std::size_t place, Variable<T> x, double scale, double weight) {
    ETHREED_ASSERT(count_ < max_loss_terms && place < max_loss_terms);
    places_[count_] = place;
    terms_[count_++] = {x, scale, weight};
  }
  StepLosses<T> sum(Tape<T>& tape) const {
    const LossSum<T> sum = loss_sum(tape, std::span<const LossTerm<T>>(terms_.data(), count_));
    StepLosses<T> losses{.total = sum.total, .all = sum.all};
    for (std::size_t k = 0; k < count_; ++k) losses.term[places_[k]] = sum.term[k];
    return losses;
  }

 private:
  std::array<LossTerm<T>, max_loss_terms> terms_;
  std::array<std::size_t, max_loss_terms> places_{};
  std::size_t count_ = 0;
};

/// The losses where the host can read them.
template <class T> StepLosses<T> on_host(const Context& context, StepLosses<T> losses) {
  for (Variable<T>& term : losses.term) term = on_host(context, term);
  losses.total = on_host(context, losses.total);
  return losses;
}

}  // namespace ethreed
