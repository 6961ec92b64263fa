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

// What (6) wants of every row: its label, −1 for none, or, where distributions are there, the probabilities [K] that
// came with it; of a row whose probabilities are empty the label is certain.
struct EmotionTargets {
  Indices labels;
  std::span<const std::span<const float>> distributions;
};

// (6) against probabilities: −Σ_k p_k log softmax(z)_k is minus the sum of this row. ε of p is spread over all classes.
// A row without a label counts not at all.
template <class T>
Variable<T> expected_log_probability(Tape<T>& tape, double smoothing, Variable<T> logits,
                                     const EmotionTargets& targets) {
  const Context& context = tape.context();
  const std::int64_t classes = logits.columns(), rows = logits.rows(), count = rows * classes;
  T* p = context.arena.allocate<T>(count);
  std::fill(p, p + count, T{0});
  for (std::int64_t row = 0; row < rows; ++row) {
    if (targets.labels[row] < 0) continue;
    T* of_row = p + row * classes;
    if (targets.distributions.empty() || targets.distributions[row].empty())
      of_row[targets.labels[row]] = T{1};
    else
      std::copy(targets.distributions[row].begin(), targets.distributions[row].end(), of_row);
    if (smoothing == 0) continue;
    for (std::int64_t k = 0; k < classes; ++k)
      of_row[k] =
          static_cast<T>((1 - smoothing) * static_cast<double>(of_row[k]) + smoothing / static_cast<double>(classes));
  }
  return multiply(tape, log_softmax(tape, logits),
                  tape.constant(View<const T>(context.to_device(p, count), {rows, classes})));
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
  // (6): means over what has a label
  const auto add_emotion = [&](EthreedLoss term, Variable<T> logits, const EmotionTargets& targets, int labels,
                               double weight) {
    const double share = 1.0 / labels;
    if (config.emotion_smoothing == 0 && targets.distributions.empty())
      terms.add(term, softmax_cross_entropy<T>(tape, logits, targets.labels), share, weight);
    else
      terms.add(term, expected_log_probability(tape, config.emotion_smoothing, logits, targets), -share, weight);
  };
  if (batch.emotion_labels > 0)
    add_emotion(loss_emotion_speaker, inputs.speaker_logits, {batch.emotion, {}}, batch.emotion_labels,
                weights.emotion);
  if (config.listener_labels && batch.listener_labels > 0) {
    EmotionTargets targets{batch.listener_label, {}};
    if (config.listener_distributions) targets.distributions = batch.listener_distribution;
    add_emotion(loss_emotion_listener, inputs.listener_logits, targets, batch.listener_labels, weights.emotion);
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
    add_emotion(loss_situation, inputs.situation_logits, {batch.situation_label, {}}, batch.situation_labels,
                weights.situation);
  return terms.sum(tape);  // (26)
}

template StepLosses<float> sum_losses(Tape<float>&, const EthreedConfig&, const DialogueBatch&,
                                      const LossInputs<float>&, double);
template StepLosses<double> sum_losses(Tape<double>&, const EthreedConfig&, const DialogueBatch&,
                                       const LossInputs<double>&, double);

}  // namespace ethreed
