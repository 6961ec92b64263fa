#include "kernels/common/row_log_sum_exp.h"
#include "kernels/pointer_mixture/pointer_mixture.h"
#include "kernels/pointer_mixture/token_rows.h"

namespace ethreed {

namespace {

constexpr int threads = 512;

/// The arguments with all index arrays on the device.
template <class T> PointerMixtureForward<T> on_device(Context& context, const PointerMixtureForward<T>& args) {
  PointerMixtureForward<T> moved = args;
  moved.layout = ethreed::on_device(context, args.layout);
  moved.source_ids = indices(context, args.source_ids, args.layout.sources());
  moved.targets = indices(context, args.targets, args.layout.targets());
  return moved;
}

/// A block is one target token. All of it reduces the row of logits; its first warp then adds the copy mass (lane l
/// source tokens l, l + 32, …, the lanes by warp_sum) and writes what the token gets.
template <class T> __global__ void pointer_mixture_forward_kernel(PointerMixtureForward<T> args) {
  const int token = block_index(), thread = thread_index();
  const T* logits = args.logits + std::int64_t{token} * args.vocabulary;
  const math::LogSumExp<T> lse = block_log_sum_exp<struct PointerMixtureLogits>(logits, args.vocabulary);
  if (thread >= warp_size) return;
  const std::int32_t y = args.targets[token];
  const TokenPlace at = place_of(args.layout, token);
  T copy{0};
  for (int j = thread; j < at.source_count; j += warp_size)
    if (args.source_ids[at.source + j] == y) copy += args.weights[at.weight + j];
  copy = warp_sum(copy);
  if (thread != 0) return;
  const T gate = args.gate_logit[token];
  const T log_copied = math::log_sigmoid(-gate) + std::log(copy);
  const T log_generated = y < args.vocabulary ? math::log_sigmoid(gate) + lse.log_probability(logits[y])
                                              : -std::numeric_limits<T>::infinity();
  args.log_probability[token] = math::log_add_exp(log_generated, log_copied);
  args.lse[token] = lse;
  args.copy_mass[token] = copy;
}

/// What the gradients of a token are made of.
template <class T> struct Shares {
  T generated;      ///< π = σ(z)·p / P
  T copied;         ///< π' = σ(−z)·copy / P
  T log_copy_rate;  ///< log(σ(−z) / P), to be exponentiated where a source word matches: without one it may overflow
};

template <class T> __device__ Shares<T> shares_of(const PointerMixtureForward<T>& f, int token) {
  const std::int32_t y = f.targets[token];
  const T gate = f.gate_logit[token], log_probability = f.log_probability[token], copy = f.copy_mass[token];
  Shares<T> shares{0, 0, math::log_sigmoid(-gate) - log_probability};
  if (y < f.vocabulary) {
    const T log_p = f.lse[token].log_probability(f.logits[std::int64_t{token} * f.vocabulary + y]);
    shares.generated = std::exp(math::log_sigmoid(gate) + log_p - log_probability);
  }
  if (copy > 0) shares.copied = std::exp(shares.log_copy_rate + std::log(copy));
  return shares;
}

/// dlogits of a token, by all threads of the block: scale·(p_k − δ_ky), each element from its own logit, so that logits
/// may turn into their gradient.
template <class T> __device__ void logit_gradients(const PointerMixtureBackward<T>& args, int token, T scale) {
  const PointerMixtureForward<T>& f = args.forward;
  const std::int64_t start = std::int64_t{token} * f.vocabulary;
  const T* logits = f.logits + start;
  const GradientSink<T> sink{args.dlogits.data + start, args.dlogits.accumulate};
  const std::int32_t y = f.targets[token];                                           // no word of the row if y ≥ V
  const T max = f.lse[token].max, factor = scale * std::exp(-f.lse[token].log_sum);  // p_k = e^{logit − max} / sum
  const auto gradient = [=](int k, T logit) { return factor * math::exp(logit - max) - (k == y ? scale : T{0}); };
  put_row(logits, f.vocabulary, sink, gradient);
}

/// A block is one target token: all of it writes the row of dlogits, its first warp the gate's gradient and dγ.
template <class T> __global__ void pointer_mixture_backward_kernel(PointerMixtureBackward<T> args) {
  const PointerMixtureForward<T>& f = args.forward;
  const int token = block_index(), thread = thread_index();
  const T g = args.dlog_probability[token];
  const Shares<T> shares = shares_of(f, token);
  if (args.dlogits) {
    __syncthreads();  // every thread has read the logit of the word, which one of them may now overwrite
    logit_gradients(args, token, -g * shares.generated);
  }
  if (thread >= warp_size) return;
  if (args.dgate_logit && thread == 0) {
    const T gate = f.gate_logit[token];
    put(args.dgate_logit, token, g * (math::sigmoid(-gate) * shares.generated - math::sigmoid(gate) * shares.copied));
  }
  if (!args.dweights) return;
  const std::int32_t y = f.targets[token];
  const TokenPlace at = place_of(f.layout, token);
  const T match = g == 0 ? T{0} : g * std::exp(shares.log_copy_rate);
  for (int j = thread; j < at.source_count; j += warp_size)
    put(args.dweights, at.weight + j, f.source_ids[at.source + j] == y ? match : T{0});
}

}  // namespace

template <class T> void pointer_mixture_forward(ThisDevice, Context& context, const PointerMixtureForward<T>& args) {
  const int tokens = args.layout.targets();
  if (tokens == 0) return;
  launch<pointer_mixture_forward_kernel<T>>(context, {.grid = static_cast<unsigned>(tokens), .block = threads},
                                            on_device(context, args));
}

template <class T> void pointer_mixture_backward(ThisDevice, Context& context, const PointerMixtureBackward<T>& args) {
  ETHREED_ASSERT(args.dlogits.data != args.forward.logits || !args.dlogits.accumulate);
  const int tokens = args.forward.layout.targets();
  if (tokens == 0 || !(args.dlogits || args.dgate_logit || args.dweights)) return;
  PointerMixtureBackward<T> moved = args;
  moved.forward = on_device(context, args.forward);
  launch<pointer_mixture_backward_kernel<T>>(context, {.grid = static_cast<unsigned>(tokens), .block = threads}, moved);
}

template void pointer_mixture_forward(ThisDevice, Context&, const PointerMixtureForward<float>&);
template void pointer_mixture_forward(ThisDevice, Context&, const PointerMixtureForward<double>&);
template void pointer_mixture_backward(ThisDevice, Context&, const PointerMixtureBackward<float>&);
template void pointer_mixture_backward(ThisDevice, Context&, const PointerMixtureBackward<double>&);

}  // namespace ethreed
