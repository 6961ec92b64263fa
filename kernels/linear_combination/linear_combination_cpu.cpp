#include "kernels/linear_combination/linear_combination.h"

namespace ethreed {

template <class T> void linear_combination_forward(Context&, const LinearCombinationForward<T>& args) {
  double sum = 0;
  for (std::size_t k = 0; k < static_cast<std::size_t>(args.terms); ++k)
    sum += args.weights[k] * static_cast<double>(args.x[k][0]);
  args.y[0] = static_cast<T>(sum);
}

template <class T> void linear_combination_backward(Context&, const LinearCombinationBackward<T>& args) {
  for (std::size_t k = 0; k < static_cast<std::size_t>(args.forward.terms); ++k) {
    const GradientSink<T>& sink = args.dx[k];
    if (!sink) continue;
    const T gradient = static_cast<T>(args.forward.weights[k] * static_cast<double>(args.dy[0]));
    sink.data[0] = sink.accumulate ? sink.data[0] + gradient : gradient;
  }
}

template void linear_combination_forward(Context&, const LinearCombinationForward<float>&);
template void linear_combination_forward(Context&, const LinearCombinationForward<double>&);
template void linear_combination_backward(Context&, const LinearCombinationBackward<float>&);
template void linear_combination_backward(Context&, const LinearCombinationBackward<double>&);

}  // namespace ethreed
