#include "model/ethreed/empathetic_policy.h"

#include "autograd/functions/gaussian_sample_function.h"
#include "model/ethreed/layers.h"

namespace ethreed {

template <class T>
EmpatheticPolicy<T> predict_reply_emotion(Tape<T>& tape, const ModelConfig& config,
                                          const ModelParameters<Variable<T>>& parameters, Variable<T> emotion_post,
                                          const T* noise) {
  if (!config.has_policy()) return {.reply = emotion_post};
  const Variable<T> state = apply(tape, parameters.policy_state, {emotion_post}, Activation::tanh);  // (8), (11)
  EmpatheticPolicy<T> policy{.mean = apply(tape, parameters.policy_mean, {state}),                   // (9)
                             .log_variance = apply(tape, parameters.policy_log_variance, {state})};  // (10)
  policy.reply = noise != nullptr ? gaussian_sample<T>(tape, policy.mean, policy.log_variance,
                                                       View<const T>(noise, policy.mean.shape()))
                                  : policy.mean;
  return policy;
}

template EmpatheticPolicy<float> predict_reply_emotion(Tape<float>&, const ModelConfig&,
                                                       const ModelParameters<Variable<float>>&, Variable<float>,
                                                       const float*);
template EmpatheticPolicy<double> predict_reply_emotion(Tape<double>&, const ModelConfig&,
                                                        const ModelParameters<Variable<double>>&, Variable<double>,
                                                        const double*);

}  // namespace ethreed
