#include "kernels/common/block.h"
#include "kernels/common/launch.h"
#include "kernels/loss_sum/loss_sum.h"

#include <algorithm>

namespace ethreed {

namespace {

constexpr int threads = 256;
static_assert(threads == loss_sum_max_terms * warp_size);

/// One block; warp k is term k. Lane l adds elements l, l + 32, … in double, warp_sum adds the lanes; thread 0 then
/// adds the terms from first to last.
template <class T> __global__ void loss_sum_forward_kernel(LossSumForward<T> f) {
  T* terms = shared_array<T, loss_sum_max_terms, struct LossSumTerms>();
  const int warp = warp_index(), lane = lane_index();
  double sum = 0;
  if (warp < f.terms)
    for (std::int64_t i = lane; i < f.count[warp]; i += warp_size) sum += static_cast<double>(f.x[warp][i]);
  sum = warp_sum(sum);
  if (warp < f.terms && lane == 0) f.y[warp] = terms[warp] = static_cast<T>(f.scale[warp] * sum);
  __syncthreads();
  if (threadIdx.x != 0) return;
  double total = 0;
  for (int term = 0; term < f.terms; ++term) total += f.weight[term] * static_cast<double>(terms[term]);
  f.y[f.terms] = static_cast<T>(total);
}

template <class T> __device__ double value_or_zero(const T* x) { return x == nullptr ? 0.0 : static_cast<double>(*x); }

/// A thread is element i of every term, one after the other: two sinks may be one array.
template <class T> __global__ void loss_sum_backward_kernel(LossSumBackward<T> args) {
  const LossSumForward<T>& f = args.forward;
  const std::int64_t i = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  const double dtotal = value_or_zero(args.dtotal);
  for (int k = 0; k < f.terms; ++k) {
    if (!args.dx[k] || i >= f.count[k]) continue;
    const double dy = value_or_zero(args.dy[k]) + f.weight[k] * dtotal;
    put(args.dx[k], i, static_cast<T>(f.scale[k] * dy));
  }
}

}  // namespace

template <class T> void loss_sum_forward(ThisDevice, Context& context, const LossSumForward<T>& args) {
  launch<loss_sum_forward_kernel<T>>(context, {.grid = 1, .block = threads}, args);
}

template <class T> void loss_sum_backward(ThisDevice, Context& context, const LossSumBackward<T>& args) {
  std::int64_t most = 0;
  for (int k = 0; k < args.forward.terms; ++k)
    if (args.dx[k]) most = std::max(most, args.forward.count[k]);
  if (most == 0) return;
  launch<loss_sum_backward_kernel<T>>(context, {.grid = blocks_for(most, threads), .block = threads}, args);
}

template void loss_sum_forward(ThisDevice, Context&, const LossSumForward<float>&);
template void loss_sum_forward(ThisDevice, Context&, const LossSumForward<double>&);
template void loss_sum_backward(ThisDevice, Context&, const LossSumBackward<float>&);
template void loss_sum_backward(ThisDevice, Context&, const LossSumBackward<double>&);

}  // namespace ethreed
