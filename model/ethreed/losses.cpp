#include "model/ethreed/losses.h"

#include "autograd/functions/elementwise_function.h"
#include "autograd/functions/gather_rows_function.h"
#include "autograd/functions/log_softmax_function.h"
#include "autograd/functions/policy_divergence_function.h"
#include "autograd/functions/softmax_cross_entropy_function.h"
#include "model/interface/loss_terms.h"

#include <algorithm>

namespace ethreed {

namespace {

// (12): q of the policy against the constraint p, or the other way round; p is a constant unless it is to be moved.
template <class T>
Variable<T> divergence(Tape<T>& tape, const EthreedConfig& config, Variable<T> q_logits, Variable<T> p_logits) {
  const bool detached = !config.constraint_gradient;
  if (config.policy_direction == PolicyDirection::q_to_p) return policy_divergence(tape, q_logits, p_logits, detached);
  return policy_divergence(tape, detached ? tape.constant(p_logits.value()) : p_logits, q_logits, false);
}

// (6) of the replies against the probabilities that came with their labels: −Σ_k p_k log softmax(z)_k is minus the sum
// of this. A label without probabilities counts as a certain one, a reply without a label not at all.
template <class T>
Variable<T> expected_log_probability(Tape<T>& tape, const EthreedConfig& config, const DialogueBatch& batch,
                                     Variable<T> logits) {
  const Context& context = tape.context();
  const std::int64_t classes = config.emotion_classes, count = batch.turns() * classes;
  T* p = context.arena.allocate<T>(count);
  std::fill(p, p + count, T{0});
  for (int row = 0; row < batch.turns(); ++row) {
    const std::span<const float> given = batch.listener_distribution[row];
    if (batch.listener_label[row] < 0) continue;
    if (given.empty())
      p[row * classes + batch.listener_label[row]] = T{1};
    else
      std::copy(given.begin(), given.end(), p + row * classes);
  }
  return multiply(tape, log_softmax(tape, logits),
                  tape.constant(View<const T>(context.to_device(p, count), {batch.turns(), classes})));
}

}  // namespace

double policy_share(const EthreedConfig& config, std::int64_t step) {
  if (config.policy_anneal_steps == 0) return 1.0;
  return std::min(1.0, static_cast<double>(step) / config.policy_anneal_steps);
}

template <class T>
StepLosses<T> sum_losses(Tape<T>& tape, const EthreedConfig& config, const DialogueBatch& batch,
                         const LossInputs<T>& inputs, double policy_share) {
  const LossWeights& weights = config.weights;
  LossTerms<T> terms;
  // (6): means over the turns that have a label
  if (batch.emotion_labels > 0)
    terms.add(loss_emotion_speaker, softmax_cross_entropy<T>(tape, inputs.speaker_logits, batch.emotion),
              1.0 / batch.emotion_labels, weights.emotion);
  if (config.listener_labels && batch.listener_labels > 0) {
    const double share = 1.0 / batch.listener_labels;
    if (config.listener_distributions)
      terms.add(loss_emotion_listener, expected_log_probability(tape, config, batch, inputs.listener_logits), -share,
                weights.emotion);
    else
      terms.add(loss_emotion_listener, softmax_cross_entropy<T>(tape, inputs.listener_logits, batch.listener_label),
                share, weights.emotion);
  }
  if (config.has_divergence())
    terms.add(loss_policy, divergence(tape, config, inputs.reply_logits, inputs.listener_logits), 1.0 / batch.turns(),
              policy_share * weights.policy);
  const double tokens = batch.target_tokens();
  terms.add(loss_generation, inputs.log_probability, -1.0 / tokens, weights.generation);  // (24)
  terms.add(loss_coverage, inputs.coverage_loss, 1.0 / tokens, weights.coverage);         // (25)
  if (weights.copy > 0 && !batch.copied_targets.empty())
    terms.add(loss_copy, gather_rows<T>(tape, {{inputs.log_probability, batch.copied_targets}}),
              -1.0 / count_of(batch.copied_targets), weights.copy);
  if (weights.situation > 0 && batch.situation_labels > 0)
    terms.add(loss_situation, softmax_cross_entropy<T>(tape, inputs.situation_logits, batch.situation_label),
              1.0 / batch.situation_labels, weights.situation);
  return terms.sum(tape);  // (26)
}

template StepLosses<float> sum_losses(Tape<float>&, const EthreedConfig&, const DialogueBatch&,
                                      const LossInputs<float>&, double);
template StepLosses<double> sum_losses(Tape<double>&, const EthreedConfig&, const DialogueBatch&,
                                       const LossInputs<double>&, double);

}  // namespace ethreed
