#include "kernels/common/lane_sum.h"
#include "kernels/common/row_gradient.h"
#include "kernels/copy_loss/copy_loss.h"
#include "kernels/pointer_mixture/target_tokens.h"

#include <algorithm>

namespace ethreed {

namespace {

/// The row of V numbers behind a token's, or its own if it is the last.
template <class T> const T* next_row(const CopyLossForward<T>& f, int token, const T* row) {
  return token + 1 < f.layout.targets() ? row + f.vocabulary : row;
}

template <class T> void forward_of_token(const CopyLossForward<T>& f, const TargetToken& at) {
  const std::int32_t target = f.targets[at.token];
  ETHREED_ASSERT(target >= -1);
  T* rate = f.rate + at.weight;
  f.loss[at.token] = f.nll[at.token] = T{0};
  f.lse[at.token] = {};
  std::fill_n(rate, at.source_count, T{0});
  if (!smoothed::counts(f, target)) return;
  const std::int64_t n = f.vocabulary;
  const T* logits = f.logits + at.token * n;
  const math::LogSumExp<T> lse = math::log_sum_exp(logits, n, next_row(f, at.token, logits));
  const T log_probability = smoothed::is_generated(f, target) ? lse.log_probability(logits[target]) : T{0};
  T terms{0};
  if (f.smoothing > T{0})
    terms = lane_sum<T>(
        n, [=, &f](std::int64_t k) { return smoothed::term(f, static_cast<int>(k), target, logits[k], lse.max); });
  const T gate = f.gate_logit[at.token], log_gate = math::log_sigmoid(gate), log_other = math::log_sigmoid(-gate);
  auto [loss, nll] = smoothed::generated(f, target, log_probability, lse.log_sum, terms, log_gate);
  const std::int32_t* ids = f.source_ids + at.source;
  for (int j = 0; j < at.source_count; ++j) {
    if (ids[j] < 0) continue;
    const auto same = smoothed::same_word<T>(ids, at.source_count, j, [&](int k) { return f.weights[at.weight + k]; });
    const auto copied = smoothed::copied(f, ids[j], target, logits, lse, log_gate, log_other, same.sum);
    rate[j] = copied.rate;
    if (!same.is_first) continue;
    loss -= copied.loss;
    nll -= copied.nll;
  }
  f.loss[at.token] = loss;
  f.nll[at.token] = nll;
  f.lse[at.token] = lse;
}

template <class T> void put(const GradientSink<T>& sink, std::int64_t i, T gradient) {
  if (sink) sink.data[i] = sink.accumulate ? sink.data[i] + gradient : gradient;
}

template <class T> void backward_of_token(const CopyLossBackward<T>& args, const TargetToken& at) {
  const CopyLossForward<T>& f = args.forward;
  const std::int32_t target = f.targets[at.token];
  const bool counts = smoothed::counts(f, target);
  const T g = counts ? args.dloss[at.token] : T{0};
  const std::int32_t* ids = f.source_ids + at.source;
  T copied{0};  // Q
  for (int j = 0; j < at.source_count; ++j) {
    const bool is_word = counts && ids[j] >= 0;
    const T rate = is_word ? f.rate[at.weight + j] : T{0};
    if (is_word) copied += rate * f.weights[at.weight + j];
    put(args.dweights, at.weight + j, -g * rate);
  }
  const T all = smoothed::wanted_of_all(f, target);
  if (args.dgate_logit)
    put(args.dgate_logit, at.token, counts ? g * (copied - all * math::sigmoid(-f.gate_logit[at.token])) : T{0});
  if (!args.dlogits) return;
  const std::int64_t n = f.vocabulary;
  T* out = args.dlogits.data + at.token * n;
  if (!counts) {
    if (!args.dlogits.accumulate) std::fill_n(out, n, T{0});
    return;
  }
  const T max = f.lse[at.token].max;
  const T factor = g * (all - copied) * std::exp(-f.lse[at.token].log_sum);
  const T even = g * smoothed::share(f);
  put_row(f.logits + at.token * n, n, out, next_row(f, at.token, out), args.dlogits.accumulate,
          [=](T logit) { return factor * math::exp(logit - max) - even; });
  if (smoothed::is_generated(f, target)) out[target] += even - g * (T{1} - f.smoothing);
  if (f.excluded >= 0) out[f.excluded] += even;
  for (int j = 0; j < at.source_count; ++j) {
    if (ids[j] < 0 || !smoothed::is_generated(f, ids[j])) continue;
    const auto same = smoothed::same_word<T>(ids, at.source_count, j,
                                             [&](int k) { return f.rate[at.weight + k] * f.weights[at.weight + k]; });
    if (same.is_first) out[ids[j]] += g * same.sum;
  }
}

}  // namespace

template <class T> void copy_loss_forward(Cpu, Context& context, const CopyLossForward<T>& args) {
  for_each_target(context, args.layout, [&](const TargetToken& at) { forward_of_token(args, at); });
}

template <class T> void copy_loss_backward(Cpu, Context& context, const CopyLossBackward<T>& args) {
  ETHREED_ASSERT(args.dlogits.data != args.forward.logits || !args.dlogits.accumulate);
  for_each_target(context, args.forward.layout, [&](const TargetToken& at) { backward_of_token(args, at); });
}

template void copy_loss_forward(Cpu, Context&, const CopyLossForward<float>&);
template void copy_loss_forward(Cpu, Context&, const CopyLossForward<double>&);
template void copy_loss_backward(Cpu, Context&, const CopyLossBackward<float>&);
template void copy_loss_backward(Cpu, Context&, const CopyLossBackward<double>&);

}  // namespace ethreed
