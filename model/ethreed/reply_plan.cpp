#include "model/ethreed/reply_plan.h"

#include "core/error.h"
#include "model/blocks/layers.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace ethreed {

namespace {

constexpr int most_steps = 1000;

// W_e [K, D_e] and b [K] on the host.
template <class T> struct Classifier {
  const T* weight;
  const T* bias;
  int classes, columns;
};

// log P(c) − log(1 − P(c)) at x; `others` becomes P(k) / (1 − P(c)) for k ≠ c, and 0 for c.
template <class T>
double log_odds(const Classifier<T>& w, const std::vector<double>& x, std::size_t c, std::vector<double>& others) {
  for (std::size_t k = 0; k < others.size(); ++k) {
    others[k] = static_cast<double>(w.bias[k]);
    const T* row = w.weight + k * x.size();
    for (std::size_t i = 0; i < x.size(); ++i) others[k] += static_cast<double>(row[i]) * x[i];
  }
  const double own = others[c];
  double most = -INFINITY, sum = 0;
  for (std::size_t k = 0; k < others.size(); ++k)
    if (k != c) most = std::max(most, others[k]);
  for (std::size_t k = 0; k < others.size(); ++k) sum += others[k] = k == c ? 0 : std::exp(others[k] - most);
  for (double& share : others) share /= sum;
  return own - most - std::log(sum);
}

// Moves x until its log-odds reach `wanted`. False if they do not.
template <class T> bool move(const Classifier<T>& w, std::size_t c, double wanted, std::vector<double>& x) {
  std::vector<double> others(static_cast<std::size_t>(w.classes)), slope(x.size());
  for (int step = 0; step < most_steps; ++step) {
    const double missing = wanted - log_odds(w, x, c, others);
    if (missing <= 0) return true;
    double square = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      slope[i] = static_cast<double>(w.weight[c * x.size() + i]);
      for (std::size_t k = 0; k < others.size(); ++k)
        slope[i] -= others[k] * static_cast<double>(w.weight[k * x.size() + i]);
      square += slope[i] * slope[i];
    }
    if (!(square > 0)) return false;
    // A little beyond the tangent, so that the end is reached and not only approached.
    for (std::size_t i = 0; i < x.size(); ++i) x[i] += (missing + 1e-3) / square * slope[i];
  }
  return false;
}

}  // namespace

template <class T>
void plan_reply_emotion(Tape<T>& tape, const EthreedConfig& config, const EthreedParameters<Variable<T>>& parameters,
                        const DialogueBatch& batch, const ReplyOptions& options, DialogueState<T>& state) {
  if (!options.plans()) return;
  ETHREED_CHECK(config.has_policy(), "model 'ethreed', variant {}, has no policy: the emotion of a reply cannot be set",
                config.variant());
  Context& context = tape.context();
  const Variable<T>& reply = state.policy.reply;
  const LinearHandles<Variable<T>>& layer = parameters.classifier;
  const Classifier<T> classifier{.weight = context.to_host(layer.weight.data(), layer.weight.value().count()),
                                 .bias = context.to_host(layer.bias.data(), layer.bias.value().count()),
                                 .classes = config.emotion_classes,
                                 .columns = reply.columns()};
  const T* before = context.to_host(reply.data(), reply.value().count());
  T* after = context.arena.template allocate<T>(reply.value().count());
  std::vector<double> x(static_cast<std::size_t>(reply.columns()));
  const double wanted = std::log(planned_probability / (1 - planned_probability));
  for (std::int64_t row = 0; row < reply.rows(); ++row) {
    const std::int64_t first = row * reply.columns();
    const int planned = options.choice(batch.turn_dialogue[row]).planned_class;
    if (planned < 0) {
      std::copy_n(before + first, reply.columns(), after + first);
      continue;
    }
    ETHREED_CHECK(planned < config.emotion_classes, "the emotion of a reply is class {}, wanted 0 to {}", planned,
                  config.emotion_classes - 1);
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<double>(before[first + static_cast<std::int64_t>(i)]);
    ETHREED_CHECK(
        move(classifier, static_cast<std::size_t>(planned), wanted, x),
        "no emotion vector is class {} to this model's classifier with probability {}; choose another emotion", planned,
        planned_probability);
    for (std::size_t i = 0; i < x.size(); ++i) after[first + static_cast<std::int64_t>(i)] = static_cast<T>(x[i]);
  }
  state.policy.reply = tape.constant(View<const T>(context.to_device(after, reply.value().count()), reply.shape()));
  state.reply_logits = linear_layer(tape, layer, {state.policy.reply});
}

#define ETHREED_INSTANTIATE(T)                                                                            \
  template void plan_reply_emotion(Tape<T>&, const EthreedConfig&, const EthreedParameters<Variable<T>>&, \
                                   const DialogueBatch&, const ReplyOptions&, DialogueState<T>&);
ETHREED_INSTANTIATE(float)
ETHREED_INSTANTIATE(double)
#undef ETHREED_INSTANTIATE

}  // namespace ethreed
