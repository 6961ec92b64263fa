#include "model/ethreed/losses.h"

#include "autograd/functions/loss_sum_function.h"
#include "autograd/functions/policy_divergence_function.h"
#include "autograd/functions/softmax_cross_entropy_function.h"

namespace ethreed {

template <class T>
Losses<T> sum_losses(Tape<T>& tape, const ModelConfig& config, const LossWeights& weights, const Batch& batch,
                     const LossInputs<T>& inputs) {
  Losses<T> losses;
  std::array<LossTerm<T>, 5> terms;
  std::array<Variable<T>*, 5> places{};
  std::size_t count = 0;
  const auto add = [&](Variable<T>& place, Variable<T> x, double scale, double weight) {
    places[count] = &place;
    terms[count++] = {x, scale, weight};
  };
  // (6): means over the turns that have a label
  if (batch.emotions > 0)
    add(losses.emotion_speaker, softmax_cross_entropy<T>(tape, inputs.speaker_logits, batch.emotion),
        1.0 / batch.emotions, weights.emotion);
  if (config.listener_labels && batch.listener_labels > 0)
    add(losses.emotion_listener, softmax_cross_entropy<T>(tape, inputs.listener_logits, batch.listener_label),
        1.0 / batch.listener_labels, weights.emotion);
  if (config.has_divergence())  // (12): q of the policy against the constraint p
    add(losses.policy,
        policy_divergence(tape, inputs.reply_logits, inputs.listener_logits, !config.constraint_gradient),
        1.0 / batch.turns(), weights.policy);
  const double tokens = batch.target_tokens();
  add(losses.generation, inputs.log_probability, -1.0 / tokens, weights.generation);         // (24)
  add(losses.coverage, inputs.coverage_loss, 1.0 / tokens, weights.coverage);                // (25)
  const LossSum<T> sum = loss_sum(tape, std::span<const LossTerm<T>>(terms.data(), count));  // (26)
  for (std::size_t k = 0; k < count; ++k) *places[k] = sum.term[k];
  losses.total = sum.total;
  losses.all = sum.all;
  return losses;
}

template Losses<float> sum_losses(Tape<float>&, const ModelConfig&, const LossWeights&, const Batch&,
                                  const LossInputs<float>&);
template Losses<double> sum_losses(Tape<double>&, const ModelConfig&, const LossWeights&, const Batch&,
                                   const LossInputs<double>&);

}  // namespace ethreed
