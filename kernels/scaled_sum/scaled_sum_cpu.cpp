#include "kernels/scaled_sum/scaled_sum.h"

#include <array>

namespace ethreed {

template <class T> void scaled_sum_forward(Context&, const ScaledSumForward<T>& args) {
  constexpr std::int64_t lanes = 8;
  const std::int64_t full = args.count / lanes * lanes;
  std::array<double, lanes> sums{};
  for (std::int64_t i = 0; i < full; i += lanes)
    for (std::size_t l = 0; l < lanes; ++l) sums[l] += static_cast<double>(args.x[i + l]);
  for (std::int64_t i = full; i < args.count; ++i) sums[i - full] += static_cast<double>(args.x[i]);
  double total = 0;
  for (const double sum : sums) total += sum;
  args.y[0] = static_cast<T>(args.scale * total);
}

template <class T> void scaled_sum_backward(Context&, const ScaledSumBackward<T>& args) {
  if (!args.dx) return;
  const T gradient = static_cast<T>(args.forward.scale * static_cast<double>(args.dy[0]));
  for (std::int64_t i = 0; i < args.forward.count; ++i)
    args.dx.data[i] = args.dx.accumulate ? args.dx.data[i] + gradient : gradient;
}

template void scaled_sum_forward(Context&, const ScaledSumForward<float>&);
template void scaled_sum_forward(Context&, const ScaledSumForward<double>&);
template void scaled_sum_backward(Context&, const ScaledSumBackward<float>&);
template void scaled_sum_backward(Context&, const ScaledSumBackward<double>&);

}  // namespace ethreed
