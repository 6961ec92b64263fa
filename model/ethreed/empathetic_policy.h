#pragma once
// Section 4: from the speaker's emotion to the emotion of the reply, equations (8) to (11).

#include "model/ethreed/parameters.h"

namespace ethreed {

template <class T> struct EmpatheticPolicy {
  Variable<T> mean;          ///< μ [N, D_e]; unset without the policy
  Variable<T> log_variance;  ///< λ [N, D_e]; unset without the policy
  Variable<T> reply;         ///< R̂ [N, D_e] = μ + exp(λ/2) ⊙ ε, or e^P without the policy
};

/// `emotion_post` is e^P [N, D_e]; `noise` is ε [N, D_e], or null for R̂ = μ.
template <class T>
EmpatheticPolicy<T> predict_reply_emotion(Tape<T>& tape, const EthreedConfig& config,
                                          const PolicyParameters<Variable<T>>& parameters, Variable<T> emotion_post,
                                          const T* noise);

}  // namespace ethreed
