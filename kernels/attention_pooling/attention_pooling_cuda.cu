#include "kernels/attention_pooling/attention_pooling.h"
#include "kernels/common/launch.h"
#include "kernels/common/math.h"
#include "kernels/common/row_products.h"
#include "kernels/common/selected_rows.h"

#include <limits>

namespace ethreed {

namespace {

constexpr int forward_threads = 256;
constexpr int backward_threads = selection_threads;

/// The arguments as kernels see them: the spans of the host are not theirs to read. `f.rows` is a device copy.
template <class T> struct DevicePooling {
  AttentionPoolingForward<T> f;
  const std::int32_t* offsets;
  int segments, entries;

  __device__ std::int64_t source_row(int entry) const { return f.rows == nullptr ? entry : f.rows[entry]; }
};

/// α of entries begin … end − 1, by one warp: lane l has entries begin + l, begin + l + 32, ….
template <class T> __device__ void softmax(const T* scores, T* weights, int begin, int end) {
  const int first = begin + lane_index();
  T high = -std::numeric_limits<T>::infinity();
  for (int j = first; j < end; j += warp_size) high = scores[j] > high || scores[j] != scores[j] ? scores[j] : high;
  high = warp_max(high);
  T sum{0};
  for (int j = first; j < end; j += warp_size) {
    weights[j] = math::exp(scores[j] - high);
    sum += weights[j];
  }
  sum = warp_sum(sum);
  for (int j = first; j < end; j += warp_size) weights[j] /= sum;
}

/// A block is one segment: its first warp has the softmax, and then each thread some columns of y, entries ascending.
template <class T> __global__ void attention_pooling_forward_kernel(DevicePooling<T> args) {
  const AttentionPoolingForward<T>& f = args.f;
  const int segment = block_index(), thread = thread_index(), columns = f.columns;
  const int begin = args.offsets[segment], end = args.offsets[segment + 1];
  if (f.scores == nullptr) {
    const T weight = T{1} / static_cast<T>(end - begin);
    for (int j = begin + thread; j < end; j += forward_threads) f.weights[j] = weight;
  } else if (thread < warp_size) {
    softmax(f.scores, f.weights, begin, end);
  }
  __syncthreads();
  weighted_sums<1, T>(
      {thread, forward_threads}, 1, columns, EveryTerm{{begin, end}}, [=](int, int j) { return f.weights[j]; },
      [=](int j) { return f.x + args.source_row(j) * columns; },
      [=](int) { return GradientSink<T>{f.y + std::int64_t{segment} * columns}; });
}

/// dscores of one segment, a warp per entry: α dy·(x − y).
template <class T>
__device__ void scores_backward(const DevicePooling<T>& args, const T* dy, const GradientSink<T>& dscores,
                                int segment) {
  const AttentionPoolingForward<T>& f = args.f;
  const int warp = warp_index(), lane = lane_index();
  dy += std::int64_t{segment} * f.columns;
  const T* y = f.y + std::int64_t{segment} * f.columns;
  const int end = args.offsets[segment + 1];
  for (int j = args.offsets[segment] + warp; j < end; j += backward_threads / warp_size) {
    const T* x = f.x + args.source_row(j) * f.columns;
    T sum{0};
    for (int c = lane; c < f.columns; c += warp_size) sum += dy[c] * (x[c] - y[c]);
    sum = warp_sum(sum);
    if (lane == 0) put(dscores, j, f.weights[j] * sum);
  }
}

/// dx[row] = Σ_k α_k dy of the segment of entry k, over the `found` entries of `list`, by a whole block.
template <class T, class EntryAt>
__device__ void row_backward(const DevicePooling<T>& args, const T* dy, const GradientSink<T>& dx, int row, int found,
                             EntryAt entry_at) {
  const AttentionPoolingForward<T>& f = args.f;
  const int columns = f.columns;
  weighted_sums<1, T>(
      {thread_index(), backward_threads}, 1, columns, EveryTerm{{0, found}},
      [=](int, int k) { return f.weights[entry_at(k)]; },
      [=](int k) { return dy + std::int64_t{part_of(args.offsets, args.segments, entry_at(k))} * columns; },
      [=](int) { return sink_row(dx, row, columns); });
}

/// The first blocks are segments, each of which computes its dscores, `segment_blocks` of them; the others are rows of
/// x, each of which finds the entries that read it. Neither needs what the other computes.
template <class T>
__global__ void attention_pooling_backward_kernel(DevicePooling<T> args, const T* dy, GradientSink<T> dscores,
                                                  GradientSink<T> dx, int segment_blocks) {
  const AttentionPoolingForward<T>& f = args.f;
  const int block = block_index();
  if (block < segment_blocks) {
    scores_backward(args, dy, dscores, block);
    return;
  }
  const int row = block - segment_blocks;
  if (f.rows == nullptr) {
    row_backward(args, dy, dx, row, row < args.entries ? 1 : 0, [=](int) { return row; });
    return;
  }
  // The first tile overwrites, if the sink says so, even where it has nothing to add.
  for (int tile = 0; tile == 0 || tile < args.entries; tile += selection_tile) {
    const int* list = nullptr;
    const int found = select_positions(f.rows, args.entries, tile, row, list);
    if (tile == 0 || found > 0)
      row_backward<T>(args, dy, {dx.data, dx.accumulate || tile > 0}, row, found, [=](int k) { return list[k]; });
  }
}

template <class T> DevicePooling<T> on_device(Context& context, const AttentionPoolingForward<T>& args) {
  DevicePooling<T> device{args, indices(context, args.offsets), args.segments(), args.entries()};
  if (args.rows != nullptr && device.entries > 0) device.f.rows = indices(context, args.rows, device.entries);
  return device;
}

}  // namespace

template <class T>
void attention_pooling_forward(ThisDevice, Context& context, const AttentionPoolingForward<T>& args) {
  if (args.segments() <= 0) return;
  launch<attention_pooling_forward_kernel<T>>(
      context, {.grid = static_cast<unsigned>(args.segments()), .block = forward_threads}, on_device(context, args));
}

template <class T>
void attention_pooling_backward(ThisDevice, Context& context, const AttentionPoolingBackward<T>& args) {
  const AttentionPoolingForward<T>& f = args.forward;
  const int segment_blocks = args.dscores ? f.segments() : 0;
  const int row_blocks = args.dx && f.columns > 0 ? f.source_rows : 0;
  if (segment_blocks + row_blocks == 0) return;
  launch<attention_pooling_backward_kernel<T>>(
      context, {.grid = static_cast<unsigned>(segment_blocks + row_blocks), .block = backward_threads},
      on_device(context, f), args.dy, args.dscores, args.dx, segment_blocks);
}

template void attention_pooling_forward(ThisDevice, Context&, const AttentionPoolingForward<float>&);
template void attention_pooling_forward(ThisDevice, Context&, const AttentionPoolingForward<double>&);
template void attention_pooling_backward(ThisDevice, Context&, const AttentionPoolingBackward<float>&);
template void attention_pooling_backward(ThisDevice, Context&, const AttentionPoolingBackward<double>&);

}  // namespace ethreed
