#include "kernels/common/launch.h"
#include "kernels/dropout_mask/dropout_mask.h"

#include <algorithm>

namespace ethreed {

namespace {

constexpr int threads = 256;

/// Mask blockIdx.y. A thread draws one Philox block and writes its four elements.
template <class T> __global__ void dropout_masks_kernel(DropoutMasks<T> args, std::uint32_t threshold, T kept) {
  auto mask = args.mask[0];
  for (std::size_t k = 1; k < dropout_max_masks; ++k)  // by constant places: the arguments then stay where they are
    if (k == blockIdx.y) mask = args.mask[k];
  const std::int64_t block = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (4 * block >= mask.count) return;
  const PhiloxBlock words = mask.random.block(static_cast<std::uint64_t>(block));
  for (int k = 0; k < 4; ++k) {
    const std::int64_t i = 4 * block + k;
    if (i < mask.count) mask.mask[i] = (words[k] >> 8) < threshold ? T{0} : kept;
  }
}

/// A thread is one element.
template <class T> __global__ void fill_normal_kernel(FillNormal<T> args) {
  const std::int64_t i = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i < args.count) args.out[i] = static_cast<T>(args.random.normal(static_cast<std::uint64_t>(i)));
}

}  // namespace

template <class T> void dropout_masks(ThisDevice, Context& context, const DropoutMasks<T>& args) {
  const std::uint32_t threshold = dropout_threshold(args.probability);
  std::int64_t most = 0;
  for (int k = 0; k < args.masks; ++k) most = std::max(most, args.mask[k].count);
  if (most == 0) return;
  const dim3 grid(blocks_for((most + 3) / 4, threads), static_cast<unsigned>(args.masks));
  launch<dropout_masks_kernel<T>>(context, {.grid = grid, .block = threads}, args, threshold,
                                  1.0 / (1.0 - args.probability));
}

template <class T> void fill_normal(ThisDevice, Context& context, const FillNormal<T>& args) {
  if (args.count == 0) return;
  launch<fill_normal_kernel<T>>(context, {.grid = blocks_for(args.count, threads), .block = threads}, args);
}

template void dropout_masks(ThisDevice, Context&, const DropoutMasks<float>&);
template void dropout_masks(ThisDevice, Context&, const DropoutMasks<double>&);
template void fill_normal(ThisDevice, Context&, const FillNormal<float>&);
template void fill_normal(ThisDevice, Context&, const FillNormal<double>&);

}  // namespace ethreed
