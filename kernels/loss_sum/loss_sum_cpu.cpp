#include "kernels/loss_sum/loss_sum.h"

namespace ethreed {

namespace {

template <class T> double sum(const T* x, std::int64_t count) {
  constexpr std::int64_t lanes = 8;
  const std::int64_t full = count / lanes * lanes;
  std::array<double, lanes> sums{};
  for (std::int64_t i = 0; i < full; i += lanes)
    for (std::size_t l = 0; l < lanes; ++l) sums[l] += static_cast<double>(x[i + l]);
  for (std::int64_t i = full; i < count; ++i) sums[i - full] += static_cast<double>(x[i]);
  double total = 0;
  for (const double lane : sums) total += lane;
  return total;
}

double value_or_zero(const auto* x) { return x == nullptr ? 0.0 : static_cast<double>(*x); }

}  // namespace

template <class T> void loss_sum_forward(Cpu, Context&, const LossSumForward<T>& args) {
  double total = 0;
  for (int k = 0; k < args.terms; ++k) {
    args.y[k] = static_cast<T>(args.scale[k] * sum(args.x[k], args.count[k]));
    total += args.weight[k] * static_cast<double>(args.y[k]);
  }
  args.y[args.terms] = static_cast<T>(total);
}

template <class T> void loss_sum_backward(Cpu, Context&, const LossSumBackward<T>& args) {
  const LossSumForward<T>& f = args.forward;
  for (int k = 0; k < f.terms; ++k) {
    const GradientSink<T>& dx = args.dx[k];
    if (!dx) continue;
    const double dy = value_or_zero(args.dy[k]) + f.weight[k] * value_or_zero(args.dtotal);
    const T gradient = static_cast<T>(f.scale[k] * dy);
    for (std::int64_t i = 0; i < f.count[k]; ++i) dx.data[i] = dx.accumulate ? dx.data[i] + gradient : gradient;
  }
}

template void loss_sum_forward(Cpu, Context&, const LossSumForward<float>&);
template void loss_sum_forward(Cpu, Context&, const LossSumForward<double>&);
template void loss_sum_backward(Cpu, Context&, const LossSumBackward<float>&);
template void loss_sum_backward(Cpu, Context&, const LossSumBackward<double>&);

}  // namespace ethreed
