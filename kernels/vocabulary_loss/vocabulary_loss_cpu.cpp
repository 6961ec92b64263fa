#include "kernels/common/lane_sum.h"
#include "kernels/common/row_gradient.h"
#include "kernels/vocabulary_loss/vocabulary_loss.h"

#include <algorithm>

namespace ethreed {

namespace {

constexpr std::int64_t rows_per_chunk = 4;  // a row is a whole vocabulary

template <class T> void forward_of_row(const VocabularyLossForward<T>& f, std::int64_t row) {
  const std::int32_t target = f.targets[row];
  ETHREED_ASSERT(target >= -1 && target < f.vocabulary);
  f.loss[row] = f.nll[row] = T{0};
  f.lse[row] = {};
  if (!smoothed::counts(f, target)) return;
  const std::int64_t n = f.vocabulary;
  const T* logits = f.logits + row * n;
  const math::LogSumExp<T> lse = math::log_sum_exp(logits, n, row + 1 < f.rows ? logits + n : logits);
  const T log_probability = lse.log_probability(logits[target]);
  T terms{0};
  if (f.smoothing > T{0})
    terms = lane_sum<T>(
        n, [=, &f](std::int64_t k) { return smoothed::term(f, static_cast<int>(k), target, logits[k], lse.max); });
  f.loss[row] = smoothed::loss(f, log_probability, lse.log_sum, terms);
  f.nll[row] = -log_probability;
  f.lse[row] = lse;
}

template <class T> void backward_of_row(const VocabularyLossBackward<T>& args, std::int64_t row) {
  const VocabularyLossForward<T>& f = args.forward;
  const std::int32_t target = f.targets[row];
  const std::int64_t n = f.vocabulary;
  T* out = args.dlogits.data + row * n;
  if (!smoothed::counts(f, target)) {
    if (!args.dlogits.accumulate) std::fill_n(out, n, T{0});
    return;
  }
  const T g = args.dloss[row], max = f.lse[row].max;
  const T factor = g * std::exp(-f.lse[row].log_sum);  // P_v = exp(logit_v − max) / sum
  const T even = g * smoothed::share(f);
  put_row(f.logits + row * n, n, out, row + 1 < f.rows ? out + n : out, args.dlogits.accumulate,
          [=](T logit) { return factor * math::exp(logit - max) - even; });
  out[target] += even - g * (T{1} - f.smoothing);
  if (f.excluded >= 0) out[f.excluded] += even;
}

}  // namespace

template <class T> void vocabulary_loss_forward(Cpu, Context& context, const VocabularyLossForward<T>& args) {
  context.pool.parallel_ranges(args.rows, rows_per_chunk, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) forward_of_row(args, row);
  });
}

template <class T> void vocabulary_loss_backward(Cpu, Context& context, const VocabularyLossBackward<T>& args) {
  ETHREED_ASSERT(args.dlogits.data != args.forward.logits || !args.dlogits.accumulate);
  if (!args.dlogits) return;
  context.pool.parallel_ranges(args.forward.rows, rows_per_chunk, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) backward_of_row(args, row);
  });
}

template void vocabulary_loss_forward(Cpu, Context&, const VocabularyLossForward<float>&);
template void vocabulary_loss_forward(Cpu, Context&, const VocabularyLossForward<double>&);
template void vocabulary_loss_backward(Cpu, Context&, const VocabularyLossBackward<float>&);
template void vocabulary_loss_backward(Cpu, Context&, const VocabularyLossBackward<double>&);

}  // namespace ethreed
