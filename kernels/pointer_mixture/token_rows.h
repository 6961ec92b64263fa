#pragma once
// The row of a target token, found on the device: what the CUDA kernels of the two pointer operations share.

#include "core/indices.h"
#include "kernels/common/block.h"
#include "kernels/common/launch.h"
#include "kernels/common/row_layout.h"

namespace ethreed {
inline namespace ETHREED_DEVICE_BUILD {

/// The layout with its arrays replaced by their device copies: for kernels, which may take data() and size() of them.
inline RowLayout on_device(Context& context, const RowLayout& layout) {
  const auto copy = [&context](auto offsets) { return decltype(offsets){indices(context, offsets), offsets.size()}; };
  return {copy(layout.source_offsets), copy(layout.target_offsets), copy(layout.weight_offsets)};
}

/// Where the S_r source tokens of a target token's row are, and its S_r elements of the ragged [target, source]
/// matrices.
struct TokenPlace {
  int source;
  int source_count;
  std::int64_t weight;
};

/// The place of a target token, in a layout from on_device. Its row is the last one that starts at or before it; the
/// lanes of the warp count those together. All lanes must call.
__device__ inline TokenPlace place_of(const RowLayout& layout, int token) {
  const std::int32_t* targets = layout.target_offsets.data();
  const std::int32_t* sources = layout.source_offsets.data();
  const int rows = layout.target_offsets.size() - 1;
  int starts = 0;
  for (int r = lane_index(); r < rows; r += warp_size) starts += targets[r] <= token ? 1 : 0;
  const int row = warp_sum(starts) - 1;
  const int count = sources[row + 1] - sources[row];
  return {sources[row], count, layout.weight_offsets.data()[row] + std::int64_t{token - targets[row]} * count};
}

}  // namespace ETHREED_DEVICE_BUILD
}  // namespace ethreed
