#include "kernels/common/row_log_sum_exp.h"
#include "kernels/copy_loss/copy_loss.h"
#include "kernels/pointer_mixture/token_rows.h"

namespace ethreed {

namespace {

constexpr int threads = 512;

/// A block is one target token. All of it reduces the row of logits; its first warp then adds up what the source
/// changes (lane l source tokens l, l + 32, …).
template <class T> __global__ void copy_loss_forward_kernel(CopyLossForward<T> f) {
  const int token = block_index(), thread = thread_index();
  const std::int32_t target = f.targets[token];
  const bool counts = smoothed::counts(f, target);  // of all threads of the block, or none
  const T* logits = f.logits + std::int64_t{token} * f.vocabulary;
  math::LogSumExp<T> lse{};
  T terms{0};
  if (counts) {
    lse = block_log_sum_exp<struct CopyLossLse>(logits, f.vocabulary);
    if (f.smoothing > T{0}) {
      const auto term = [=, &f](int k, T logit) { return smoothed::term(f, k, target, logit, lse.max); };
      walk_row(
          logits, f.vocabulary, true, [&](int k) { terms += term(k, logits[k]); },
          [&](int k) {
            const Vector4<T> v = load4(logits + k);
            terms += (term(k, v.x) + term(k + 1, v.y)) + (term(k + 2, v.z) + term(k + 3, v.w));
          });
      terms = block_sum<struct CopyLossTerms>(terms);
    }
  }
  if (thread >= warp_size) return;
  const TokenPlace at = place_of(f.layout, token);
  const std::int32_t* ids = f.source_ids + at.source;
  const T gate = counts ? f.gate_logit[token] : T{0};
  const T log_gate = math::log_sigmoid(gate), log_other = math::log_sigmoid(-gate);
  T gained{0}, of_target{0};
  for (int j = thread; j < at.source_count; j += warp_size) {
    T rate{0};
    if (counts && ids[j] >= 0) {
      const auto same =
          smoothed::same_word<T>(ids, at.source_count, j, [&](int k) { return f.weights[at.weight + k]; });
      const auto copied = smoothed::copied(f, ids[j], target, logits, lse, log_gate, log_other, same.sum);
      rate = copied.rate;
      if (same.is_first) {
        gained += copied.loss;
        of_target += copied.nll;
      }
    }
    f.rate[at.weight + j] = rate;
  }
  gained = warp_sum(gained);
  of_target = warp_sum(of_target);
  if (thread != 0) return;
  T loss{0}, nll{0};
  if (counts) {
    const T log_probability = smoothed::is_generated(f, target) ? lse.log_probability(logits[target]) : T{0};
    const auto generated = smoothed::generated(f, target, log_probability, lse.log_sum, terms, log_gate);
    loss = generated.loss - gained;
    nll = generated.nll - of_target;
  }
  f.loss[token] = loss;
  f.nll[token] = nll;
  f.lse[token] = lse;
}

/// A block is one target token: every warp of it computes Q, all of it writes the row of dlogits, each element from its
/// own logit, and its first warp adds the words of the source to that and writes the rest.
template <class T> __global__ void copy_loss_backward_kernel(CopyLossBackward<T> args) {
  const CopyLossForward<T>& f = args.forward;
  const int token = block_index(), thread = thread_index();
  const std::int32_t target = f.targets[token];
  const bool counts = smoothed::counts(f, target);
  const T g = counts ? args.dloss[token] : T{0};
  const TokenPlace at = place_of(f.layout, token);
  const std::int32_t* ids = f.source_ids + at.source;
  T copied{0};
  for (int j = lane_index(); counts && j < at.source_count; j += warp_size)
    if (ids[j] >= 0) copied += f.rate[at.weight + j] * f.weights[at.weight + j];
  copied = warp_sum(copied);
  const T all = smoothed::wanted_of_all(f, target);
  if (args.dlogits) {
    const std::int64_t start = std::int64_t{token} * f.vocabulary;
    const GradientSink<T> sink{args.dlogits.data + start, args.dlogits.accumulate};
    if (counts) {
      const T max = f.lse[token].max, factor = g * (all - copied) * std::exp(-f.lse[token].log_sum);
      const T even = g * smoothed::share(f), own = g * (T{1} - f.smoothing);
      const std::int32_t excluded = f.excluded;
      put_row(f.logits + start, f.vocabulary, sink, [=](int k, T logit) {
        return factor * math::exp(logit - max) - (k == target ? own : k == excluded ? T{0} : even);
      });
    } else if (!sink.accumulate) {
      for (int k = thread; k < f.vocabulary; k += block_threads()) sink.data[k] = T{0};
    }
    __syncthreads();  // the row is written; what follows adds to it
    for (int j = thread; counts && thread < warp_size && j < at.source_count; j += warp_size) {
      if (ids[j] < 0 || !smoothed::is_generated(f, ids[j])) continue;
      const auto same = smoothed::same_word<T>(ids, at.source_count, j,
                                               [&](int k) { return f.rate[at.weight + k] * f.weights[at.weight + k]; });
      if (same.is_first) sink.data[ids[j]] += g * same.sum;  // no other lane has this word
    }
  }
  if (thread >= warp_size) return;
  if (args.dgate_logit && thread == 0)
    put(args.dgate_logit, token, counts ? g * (copied - all * math::sigmoid(-f.gate_logit[token])) : T{0});
  if (!args.dweights) return;
  for (int j = thread; j < at.source_count; j += warp_size)
    put(args.dweights, at.weight + j, counts && ids[j] >= 0 ? -g * f.rate[at.weight + j] : T{0});
}

template <class T> CopyLossForward<T> on_device(Context& context, CopyLossForward<T> f) {
  f.targets = indices(context, f.targets, f.layout.targets());
  f.source_ids = indices(context, f.source_ids, f.layout.sources());
  f.layout = ethreed::on_device(context, f.layout);
  return f;
}

}  // namespace

template <class T> void copy_loss_forward(ThisDevice, Context& context, const CopyLossForward<T>& args) {
  const int tokens = args.layout.targets();
  if (tokens == 0) return;
  launch<copy_loss_forward_kernel<T>>(context, {.grid = static_cast<unsigned>(tokens), .block = threads},
                                      on_device(context, args));
}

template <class T> void copy_loss_backward(ThisDevice, Context& context, const CopyLossBackward<T>& args) {
  ETHREED_ASSERT(args.dlogits.data != args.forward.logits || !args.dlogits.accumulate);
  const int tokens = args.forward.layout.targets();
  if (tokens == 0 || !(args.dlogits || args.dgate_logit || args.dweights)) return;
  CopyLossBackward<T> moved = args;
  moved.forward = on_device(context, args.forward);
  launch<copy_loss_backward_kernel<T>>(context, {.grid = static_cast<unsigned>(tokens), .block = threads}, moved);
}

template void copy_loss_forward(ThisDevice, Context&, const CopyLossForward<float>&);
template void copy_loss_forward(ThisDevice, Context&, const CopyLossForward<double>&);
template void copy_loss_backward(ThisDevice, Context&, const CopyLossBackward<float>&);
template void copy_loss_backward(ThisDevice, Context&, const CopyLossBackward<double>&);

}  // namespace ethreed
