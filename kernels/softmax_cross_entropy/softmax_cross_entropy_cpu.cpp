#include "kernels/softmax_cross_entropy/softmax_cross_entropy.h"

#include <algorithm>

namespace ethreed {

namespace {

constexpr std::int64_t rows_per_chunk = 16;

}  // namespace

template <class T>
void softmax_cross_entropy_forward(Cpu, Context& context, const SoftmaxCrossEntropyForward<T>& args) {
  context.pool.parallel_ranges(args.rows, rows_per_chunk, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      const std::int32_t label = args.labels[row];
      ETHREED_ASSERT(label >= -1 && label < args.classes);
      args.nll[row] = 0;
      args.lse[row] = {};
      if (label < 0) continue;
      const T* logits = args.logits + row * args.classes;
      const math::LogSumExp<T> lse = math::log_sum_exp(logits, args.classes);
      args.nll[row] = -lse.log_probability(logits[label]);
      args.lse[row] = lse;
    }
  });
}

template <class T>
void softmax_cross_entropy_backward(Cpu, Context& context, const SoftmaxCrossEntropyBackward<T>& args) {
  if (!args.dlogits) return;
  const SoftmaxCrossEntropyForward<T>& f = args.forward;
  const bool add = args.dlogits.accumulate;
  context.pool.parallel_ranges(f.rows, rows_per_chunk, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      T* out = args.dlogits.data + row * f.classes;
      if (!add) std::fill_n(out, f.classes, T{0});
      const std::int32_t label = f.labels[row];
      if (label < 0) continue;
      const T* logits = f.logits + row * f.classes;
      const math::LogSumExp<T> lse = f.lse[row];
      const T g = args.dnll[row];
      for (int k = 0; k < f.classes; ++k) out[k] += g * math::exp(lse.log_probability(logits[k]));
      out[label] -= g;
    }
  });
}

template void softmax_cross_entropy_forward(Cpu, Context&, const SoftmaxCrossEntropyForward<float>&);
template void softmax_cross_entropy_forward(Cpu, Context&, const SoftmaxCrossEntropyForward<double>&);
template void softmax_cross_entropy_backward(Cpu, Context&, const SoftmaxCrossEntropyBackward<float>&);
template void softmax_cross_entropy_backward(Cpu, Context&, const SoftmaxCrossEntropyBackward<double>&);

}  // namespace ethreed
