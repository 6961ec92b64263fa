#include "kernels/common/row_log_sum_exp.h"
#include "kernels/vocabulary_loss/vocabulary_loss.h"

namespace ethreed {

namespace {

constexpr int threads = 512;

/// A block is one row.
template <class T> __global__ void vocabulary_loss_forward_kernel(VocabularyLossForward<T> f) {
  const int row = block_index(), thread = thread_index();
  const std::int32_t target = f.targets[row];
  math::LogSumExp<T> lse{};
  T loss{0}, nll{0};
  if (smoothed::counts(f, target)) {  // all threads of the block, or none
    const T* logits = f.logits + std::int64_t{row} * f.vocabulary;
    lse = block_log_sum_exp<struct VocabularyLossLse>(logits, f.vocabulary);
    T terms{0};
    if (f.smoothing > T{0}) {
      const auto term = [=, &f](int k, T logit) { return smoothed::term(f, k, target, logit, lse.max); };
      walk_row(
          logits, f.vocabulary, true, [&](int k) { terms += term(k, logits[k]); },
          [&](int k) {
            const Vector4<T> v = load4(logits + k);
            terms += (term(k, v.x) + term(k + 1, v.y)) + (term(k + 2, v.z) + term(k + 3, v.w));
          });
      terms = block_sum<struct VocabularyLossTerms>(terms);
    }
    nll = -lse.log_probability(logits[target]);
    loss = smoothed::loss(f, -nll, lse.log_sum, terms);
  }
  if (thread != 0) return;
  f.loss[row] = loss;
  f.nll[row] = nll;
  f.lse[row] = lse;
}

/// A block is one row, each element from its own logit.
template <class T> __global__ void vocabulary_loss_backward_kernel(VocabularyLossBackward<T> args) {
  const VocabularyLossForward<T>& f = args.forward;
  const int row = block_index();
  const std::int64_t start = std::int64_t{row} * f.vocabulary;
  const GradientSink<T> sink{args.dlogits.data + start, args.dlogits.accumulate};
  const std::int32_t target = f.targets[row];
  if (!smoothed::counts(f, target)) {
    if (!sink.accumulate)
      for (int k = thread_index(); k < f.vocabulary; k += block_threads()) sink.data[k] = T{0};
    return;
  }
  const T g = args.dloss[row], max = f.lse[row].max;
  const T factor = g * std::exp(-f.lse[row].log_sum), even = g * smoothed::share(f), own = g * (T{1} - f.smoothing);
  const std::int32_t excluded = f.excluded;
  put_row(f.logits + start, f.vocabulary, sink, [=](int k, T logit) {
    return factor * math::exp(logit - max) - (k == target ? own : k == excluded ? T{0} : even);
  });
}

template <class T> VocabularyLossForward<T> on_device(Context& context, VocabularyLossForward<T> f) {
  f.targets = indices(context, f.targets, f.rows);
  return f;
}

LaunchShape a_block_a_row(int rows) { return {.grid = static_cast<unsigned>(rows), .block = threads}; }

}  // namespace

template <class T> void vocabulary_loss_forward(ThisDevice, Context& context, const VocabularyLossForward<T>& args) {
  if (args.rows > 0)
    launch<vocabulary_loss_forward_kernel<T>>(context, a_block_a_row(args.rows), on_device(context, args));
}

template <class T> void vocabulary_loss_backward(ThisDevice, Context& context, const VocabularyLossBackward<T>& args) {
  ETHREED_ASSERT(args.dlogits.data != args.forward.logits || !args.dlogits.accumulate);
  if (!args.dlogits || args.forward.rows == 0) return;
  VocabularyLossBackward<T> moved = args;
  moved.forward = on_device(context, args.forward);
  launch<vocabulary_loss_backward_kernel<T>>(context, a_block_a_row(args.forward.rows), moved);
}

template void vocabulary_loss_forward(ThisDevice, Context&, const VocabularyLossForward<float>&);
template void vocabulary_loss_forward(ThisDevice, Context&, const VocabularyLossForward<double>&);
template void vocabulary_loss_backward(ThisDevice, Context&, const VocabularyLossBackward<float>&);
template void vocabulary_loss_backward(ThisDevice, Context&, const VocabularyLossBackward<double>&);

}  // namespace ethreed
