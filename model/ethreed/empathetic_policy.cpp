#include "model/ethreed/empathetic_policy.h"

#include "autograd/functions/elementwise_function.h"
#include "autograd/functions/gaussian_sample_function.h"
#include "model/blocks/layers.h"

namespace ethreed {

template <class T>
EmpatheticPolicy<T> predict_reply_emotion(Tape<T>& tape, const EthreedConfig& config,
                                          const PolicyParameters<Variable<T>>& parameters, Variable<T> emotion_post,
                                          const T* noise) {
  if (!config.has_policy()) return {.reply = emotion_post};
  const Variable<T> state = linear_layer(tape, parameters.state, {emotion_post}, Activation::tanh);  // (8), (11)
  EmpatheticPolicy<T> policy{.mean = linear_layer(tape, parameters.mean, {state}),                   // (9)
                             .log_variance = linear_layer(tape, parameters.log_variance, {state})};  // (10)
  policy.reply = policy.mean;
  if (noise == nullptr) return policy;
  View<const T> drawn(noise, policy.mean.shape());
  if (config.noise_scale != 1) drawn = scale(tape, tape.constant(drawn), config.noise_scale).value();
  policy.reply = gaussian_sample<T>(tape, policy.mean, policy.log_variance, drawn);
  return policy;
}

template EmpatheticPolicy<float> predict_reply_emotion(Tape<float>&, const EthreedConfig&,
                                                       const PolicyParameters<Variable<float>>&, Variable<float>,
                                                       const float*);
template EmpatheticPolicy<double> predict_reply_emotion(Tape<double>&, const EthreedConfig&,
                                                        const PolicyParameters<Variable<double>>&, Variable<double>,
                                                        const double*);

}  // namespace ethreed
