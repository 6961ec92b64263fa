#include "kernels/common/row_log_sum_exp.h"
#include "kernels/softmax_cross_entropy/softmax_cross_entropy.h"

namespace ethreed {

namespace {

/// A warp is one row; it reduces the logits as warp_log_sum_exp does.
template <class T> __global__ void softmax_cross_entropy_forward_kernel(SoftmaxCrossEntropyForward<T> args) {
  const int row = row_of_warp();
  if (row >= args.rows) return;  // all lanes of the warp
  const std::int32_t label = args.labels[row];
  math::LogSumExp<T> lse{};
  T nll{0};
  if (label >= 0) {
    const T* logits = args.logits + std::int64_t{row} * args.classes;
    lse = warp_log_sum_exp(logits, args.classes);
    nll = -lse.log_probability(logits[label]);
  }
  if (lane_index() != 0) return;
  args.nll[row] = nll;
  args.lse[row] = lse;
}

/// A warp is one row, a lane every 32nd element of it.
template <class T> __global__ void softmax_cross_entropy_backward_kernel(SoftmaxCrossEntropyBackward<T> args) {
  const SoftmaxCrossEntropyForward<T>& f = args.forward;
  const int row = row_of_warp();
  if (row >= f.rows) return;
  const std::int32_t label = f.labels[row];
  const std::int64_t start = std::int64_t{row} * f.classes;
  const T g = args.dnll[row];
  const math::LogSumExp<T> lse = f.lse[row];
  for (int k = lane_index(); k < f.classes; k += warp_size) {
    const T p = label >= 0 ? math::exp(lse.log_probability(f.logits[start + k])) : T{0};
    put(args.dlogits, start + k, label >= 0 ? g * p - (k == label ? g : T{0}) : T{0});
  }
}

}  // namespace

template <class T>
void softmax_cross_entropy_forward(ThisDevice, Context& context, const SoftmaxCrossEntropyForward<T>& args) {
  if (args.rows == 0) return;
  SoftmaxCrossEntropyForward<T> moved = args;
  moved.labels = indices(context, args.labels, args.rows);
  launch<softmax_cross_entropy_forward_kernel<T>>(context, a_warp_a_row(args.rows), moved);
}

template <class T>
void softmax_cross_entropy_backward(ThisDevice, Context& context, const SoftmaxCrossEntropyBackward<T>& args) {
  if (!args.dlogits || args.forward.rows == 0) return;
  SoftmaxCrossEntropyBackward<T> moved = args;
  moved.forward.labels = indices(context, args.forward.labels, args.forward.rows);
  launch<softmax_cross_entropy_backward_kernel<T>>(context, a_warp_a_row(args.forward.rows), moved);
}

template void softmax_cross_entropy_forward(ThisDevice, Context&, const SoftmaxCrossEntropyForward<float>&);
template void softmax_cross_entropy_forward(ThisDevice, Context&, const SoftmaxCrossEntropyForward<double>&);
template void softmax_cross_entropy_backward(ThisDevice, Context&, const SoftmaxCrossEntropyBackward<float>&);
template void softmax_cross_entropy_backward(ThisDevice, Context&, const SoftmaxCrossEntropyBackward<double>&);

}  // namespace ethreed
