#pragma once
// Which way a GRU sequence runs on a device, and how its recurrent weights are distributed over a cooperative grid.

#include "kernels/gru_sequence/gru_sequence.h"

#include <algorithm>
#include <cstddef>

namespace ethreed {

enum class GruPass { forward, backward };

/// What the rule asks of a device.
struct GruDevice {
  int multiprocessors = 0;
  std::size_t shared_bytes = 0;  ///< of one block, at most
};

inline GruDevice gru_device(const DeviceRuntime& runtime) {
  return {runtime.multiprocessors(), runtime.shared_bytes_per_block()};
}

/// Eight threads share a dot product; they leave this many parts of it to be added.
inline constexpr int gru_slices = 8;
/// From more sequences on, a GEMM over all of them at every step uses the device better than blocks that each read
/// every state. An estimate by FLOPs and bytes from the L2 cache, not a measurement.
inline constexpr int gru_persistent_max_sequences = 128;
/// Blocks that can stage fewer sequences at a time are no use, unless there are no more.
inline constexpr int gru_smallest_tile = 8;

/// The persistent route's cooperative grid, one block a multiprocessor. A block owns `units` hidden units of one lane
/// and keeps their weights in shared memory for the whole sequence: forward three rows of W_hh a unit (its gates),
/// backward one column (3H). Beside them it has the rows that are multiplied by them, `tile` sequences at a time
/// (forward states, backward gates' gradients), and gru_slices parts of every dot product.
struct GruGrid {
  int units = 0;   ///< even
  int blocks = 0;  ///< of one lane; 0 if the weights do not fit
  int tile = 0;
  int rows = 0;   ///< of weights in a block
  int pitch = 0;  ///< elements from row to row in shared memory: H or 3H rounded up to 4, the rest zeros
  std::size_t shared_bytes = 0;
  explicit operator bool() const { return blocks > 0; }
};

/// The fewest units a block with which the grid fits on the device. element_bytes is sizeof(T).
inline GruGrid gru_grid(GruPass pass, int hidden, int lanes, int sequences, std::size_t element_bytes,
                        GruDevice device) {
  const int available = device.multiprocessors / lanes;
  if (available < 1 || hidden < 1 || sequences < 1) return {};
  GruGrid grid;
  grid.units = ((hidden + available - 1) / available + 1) / 2 * 2;
  grid.rows = pass == GruPass::forward ? 3 * grid.units : grid.units;
  grid.pitch = ((pass == GruPass::forward ? hidden : 3 * hidden) + 3) / 4 * 4;
  const auto rows = static_cast<std::size_t>(grid.rows), pitch = static_cast<std::size_t>(grid.pitch);
  const std::size_t weights = rows * pitch * element_bytes;
  const std::size_t a_sequence = (pitch + rows * gru_slices) * element_bytes;
  const auto wanted = static_cast<std::size_t>(sequences);
  const std::size_t smallest = std::min<std::size_t>(wanted, gru_smallest_tile);
  if (weights + smallest * a_sequence > device.shared_bytes) return {};
  const std::size_t tile = std::min(wanted, (device.shared_bytes - weights) / a_sequence);
  grid.tile = static_cast<int>(tile);
  grid.blocks = (hidden + grid.units - 1) / grid.units;
  grid.shared_bytes = weights + tile * a_sequence;
  return grid;
}

template <class T> GruGrid gru_grid(GruPass pass, const GruSequenceForward<T>& args, GruDevice device) {
  return gru_grid(pass, args.hidden, args.lanes, args.packing.sequences(), sizeof(T), device);
}

/// `steps` or `persistent`, never `automatic`: persistent where its grid fits and, unless it was asked for, there are
/// at least two steps and at most gru_persistent_max_sequences sequences. Forward and backward may differ: what forward
/// saves is the same either way.
template <class T> GruRoute gru_route(GruPass pass, const GruSequenceForward<T>& args, GruDevice device) {
  if (args.route == GruRoute::steps || !gru_grid(pass, args, device)) return GruRoute::steps;
  const bool pays = args.packing.steps() >= 2 && args.packing.sequences() <= gru_persistent_max_sequences;
  return args.route == GruRoute::persistent || pays ? GruRoute::persistent : GruRoute::steps;
}

}  // namespace ethreed
