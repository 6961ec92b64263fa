#include "model/ethreed/losses.h"

#include "autograd/functions/linear_combination.h"
#include "autograd/functions/policy_divergence.h"
#include "autograd/functions/scaled_sum.h"
#include "autograd/functions/softmax_cross_entropy.h"

namespace ethreed {

template <class T>
Losses<T> sum_losses(Tape<T>& tape, const ModelConfig& config, const LossWeights& weights, const Batch& batch,
                     const LossInputs<T>& inputs) {
  Losses<T> losses;
  std::array<WeightedTerm<T>, 5> terms;
  std::size_t count = 0;
  const auto add = [&](Variable<T> term, double weight) {
    terms[count++] = {term, weight};
    return term;
  };
  // (6): means over the turns that have a label
  if (batch.emotions > 0)
    losses.emotion_speaker = add(
        scaled_sum(tape, softmax_cross_entropy<T>(tape, inputs.speaker_logits, batch.emotion), 1.0 / batch.emotions),
        weights.emotion);
  if (config.listener_labels && batch.listener_labels > 0)
    losses.emotion_listener =
        add(scaled_sum(tape, softmax_cross_entropy<T>(tape, inputs.listener_logits, batch.listener_label),
                       1.0 / batch.listener_labels),
            weights.emotion);
  if (config.has_divergence())  // (12): q of the policy against the constraint p
    losses.policy =
        add(scaled_sum(
                tape, policy_divergence(tape, inputs.reply_logits, inputs.listener_logits, !config.constraint_gradient),
                1.0 / batch.turns()),
            weights.policy);
  const double tokens = batch.target_tokens();
  losses.generation = add(scaled_sum(tape, inputs.log_probability, -1.0 / tokens), weights.generation);  // (24)
  losses.coverage = add(scaled_sum(tape, inputs.coverage_loss, 1.0 / tokens), weights.coverage);         // (25)
  losses.total = linear_combination<T>(tape, std::span<const WeightedTerm<T>>(terms.data(), count));     // (26)
  return losses;
}

template Losses<float> sum_losses(Tape<float>&, const ModelConfig&, const LossWeights&, const Batch&,
                                  const LossInputs<float>&);
template Losses<double> sum_losses(Tape<double>&, const ModelConfig&, const LossWeights&, const Batch&,
                                   const LossInputs<double>&);

}  // namespace ethreed
