#include "kernels/common/row_gradient.h"
#include "kernels/pointer_mixture/pointer_mixture.h"
#include "kernels/pointer_mixture/target_tokens.h"

#include <algorithm>
#include <cmath>

namespace ethreed {

namespace {

/// Where the row of V logits behind a token's is, or its own if it is the last.
template <class T> const T* next_row(const PointerMixtureForward<T>& args, int token, const T* row) {
  return token + 1 < args.layout.targets() ? row + args.vocabulary : row;
}

/// Puts scale·(p_k − δ_ky) into `out` (V elements); `out` may be `logits`. word < 0: no δ. `next`: V elements of `out`
/// that are wanted after these.
template <class T>
void logit_gradient(const T* logits, int vocabulary, math::LogSumExp<T> lse, T scale, int word, T* out, const T* next,
                    bool add) {
  const T factor = scale * std::exp(-lse.log_sum);  // p_k = exp(logit_k − max) / sum
  put_row(logits, vocabulary, out, next, add, [=](T logit) { return factor * math::exp(logit - lse.max); });
  if (word >= 0) out[word] -= scale;
}

/// Puts `value` at every source token that is the word y, and 0 (or nothing, when adding) elsewhere.
template <class T>
void copy_gradient(const std::int32_t* source_ids, int count, std::int32_t y, T value, T* out, bool add) {
  for (int j = 0; j < count; ++j) {
    const T gradient = source_ids[j] == y ? value : T{0};
    out[j] = add ? out[j] + gradient : gradient;
  }
}

template <class T> void put(const GradientSink<T>& sink, std::int64_t i, T gradient) {
  sink.data[i] = sink.accumulate ? sink.data[i] + gradient : gradient;
}

template <class T> void backward_of_token(const PointerMixtureBackward<T>& args, const TargetToken& at) {
  const PointerMixtureForward<T>& f = args.forward;
  const T g = args.dlog_probability[at.token];
  const T* logits = f.logits + std::int64_t{at.token} * f.vocabulary;
  const std::int32_t y = f.targets[at.token];
  const bool in_vocabulary = y < f.vocabulary;
  const T gate = f.gate_logit[at.token];
  const math::LogSumExp<T> lse = f.lse[at.token];
  const T copy = f.copy_mass[at.token];
  const T log_probability = f.log_probability[at.token];
  // log(σ(−z) / P). It is exponentiated only together with log copy or where a source word matches: without one it may
  // overflow, and overflow times a copy mass of 0 is NaN.
  const T log_copy_rate = math::log_sigmoid(-gate) - log_probability;
  const T generated =
      in_vocabulary ? std::exp(math::log_sigmoid(gate) + lse.log_probability(logits[y]) - log_probability) : T{0};
  const T copied = copy > 0 ? std::exp(log_copy_rate + std::log(copy)) : T{0};

  if (args.dgate_logit)
    put(args.dgate_logit, at.token, g * (math::sigmoid(-gate) * generated - math::sigmoid(gate) * copied));
  if (args.dweights)
    copy_gradient(f.source_ids + at.source, at.source_count, y, g == 0 ? T{0} : g * std::exp(log_copy_rate),
                  args.dweights.data + at.weight, args.dweights.accumulate);
  if (args.dlogits) {  // last: it may overwrite the logits
    T* out = args.dlogits.data + std::int64_t{at.token} * f.vocabulary;
    logit_gradient(logits, f.vocabulary, lse, -g * generated, in_vocabulary ? y : -1, out, next_row(f, at.token, out),
                   args.dlogits.accumulate);
  }
}

}  // namespace

template <class T> void pointer_mixture_forward(Cpu, Context& context, const PointerMixtureForward<T>& args) {
  for_each_target(context, args.layout, [&](const TargetToken& at) {
    const T* logits = args.logits + std::int64_t{at.token} * args.vocabulary;
    const std::int32_t y = args.targets[at.token];
    ETHREED_ASSERT(y >= 0);
    const math::LogSumExp<T> lse = math::log_sum_exp(logits, args.vocabulary, next_row(args, at.token, logits));
    T copy = 0;
    for (int j = 0; j < at.source_count; ++j)
      if (args.source_ids[at.source + j] == y) copy += args.weights[at.weight + j];
    const T gate = args.gate_logit[at.token];
    const T log_copied = math::log_sigmoid(-gate) + std::log(copy);
    const T log_generated = y < args.vocabulary ? math::log_sigmoid(gate) + lse.log_probability(logits[y])
                                                : -std::numeric_limits<T>::infinity();
    args.log_probability[at.token] = math::log_add_exp(log_generated, log_copied);
    args.lse[at.token] = lse;
    args.copy_mass[at.token] = copy;
  });
}

template <class T> void pointer_mixture_backward(Cpu, Context& context, const PointerMixtureBackward<T>& args) {
  ETHREED_ASSERT(args.dlogits.data != args.forward.logits || !args.dlogits.accumulate);
  for_each_target(context, args.forward.layout, [&](const TargetToken& at) { backward_of_token(args, at); });
}

template void pointer_mixture_forward(Cpu, Context&, const PointerMixtureForward<float>&);
template void pointer_mixture_forward(Cpu, Context&, const PointerMixtureForward<double>&);
template void pointer_mixture_backward(Cpu, Context&, const PointerMixtureBackward<float>&);
template void pointer_mixture_backward(Cpu, Context&, const PointerMixtureBackward<double>&);

}  // namespace ethreed
