#include "kernels/common/block.h"
#include "kernels/common/launch.h"
#include "kernels/global_norm/global_norm.h"

#include <cmath>

namespace ethreed {

namespace {

constexpr int threads = 256;

/// partial[b] = Σ x_i² over chunk b. Thread t adds elements t, t + 256, … of the chunk in double, then the threads are
/// added as block_sum does.
template <class T> __global__ void global_norm_partial_kernel(const T* x, std::int64_t count, double* partial) {
  const std::int64_t begin = std::int64_t{blockIdx.x} * global_norm_device_chunk;
  const std::int64_t end = begin + global_norm_device_chunk < count ? begin + global_norm_device_chunk : count;
  double sum = 0;
  for (std::int64_t i = begin + threadIdx.x; i < end; i += threads) {
    const auto value = static_cast<double>(x[i]);
    sum += value * value;
  }
  sum = block_sum<struct GlobalNormPartial>(sum);
  if (threadIdx.x == 0) partial[blockIdx.x] = sum;
}

/// norm = √Σ partial, by one block in the same way.
__global__ void global_norm_total_kernel(const double* partial, int chunks, double* norm) {
  double sum = 0;
  for (int i = thread_index(); i < chunks; i += threads) sum += partial[i];
  sum = block_sum<struct GlobalNormTotal>(sum);
  if (threadIdx.x == 0) *norm = std::sqrt(sum);
}

}  // namespace

template <class T> void global_norm(ThisDevice, Context& context, const GlobalNorm<T>& args) {
  const std::int64_t chunks = (args.count + global_norm_device_chunk - 1) / global_norm_device_chunk;
  ArenaScope scratch(context.scratch);
  double* partial = scratch.allocate<double>(chunks);
  if (chunks > 0)
    launch<global_norm_partial_kernel<T>>(context, {.grid = static_cast<unsigned>(chunks), .block = threads}, args.x,
                                          args.count, partial);
  launch<global_norm_total_kernel>(context, {.grid = 1, .block = threads}, partial, chunks, args.norm);
}

template void global_norm(ThisDevice, Context&, const GlobalNorm<float>&);
template void global_norm(ThisDevice, Context&, const GlobalNorm<double>&);

}  // namespace ethreed
