#include "kernels/common/block.h"
#include "kernels/common/launch.h"
#include "kernels/segment_pooling/segment_pooling.h"

namespace ethreed {

namespace {

constexpr int threads = 256;

/// A thread's element of y, and the rows first … end − 1 of its segment. `offsets` are a device copy.
struct Place {
  std::int64_t element;
  int column, first, end;
};
template <class T> __device__ bool has_place(const SegmentPoolingForward<T>& f, Place& at) {
  at.element = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  const auto segment = static_cast<int>(at.element / f.columns);
  if (segment >= f.segments()) return false;
  at.column = static_cast<int>(at.element % f.columns);
  at.first = f.offsets.data()[segment];
  at.end = f.offsets.data()[segment + 1];
  return true;
}

template <class T> __global__ void segment_pooling_forward_kernel(SegmentPoolingForward<T> f) {
  Place at;
  if (!has_place(f, at)) return;
  const auto x = [&](int row) { return f.x[std::int64_t{row} * f.columns + at.column]; };
  T y{0};
  int chosen = -1;
  if (f.reduction == SegmentReduction::last) {
    if (at.first < at.end) y = x(at.end - 1);
  } else if (f.reduction == SegmentReduction::max) {
    for (int row = at.first; row < at.end; ++row) {
      const T here = x(row);
      if (row > at.first && !segment_reduction::is_above(here, y)) continue;
      y = here;
      chosen = row;
    }
    f.chosen[at.element] = chosen;
  } else {
    for (int row = at.first; row < at.end; ++row) y += x(row);
    if (f.reduction == SegmentReduction::mean && at.first < at.end) y *= T{1} / static_cast<T>(at.end - at.first);
  }
  f.y[at.element] = y;
}

template <class T> __global__ void segment_pooling_backward_kernel(SegmentPoolingBackward<T> args) {
  const SegmentPoolingForward<T>& f = args.forward;
  Place at;
  if (!has_place(f, at) || at.first == at.end) return;
  T gradient = args.dy[at.element];
  if (f.reduction == SegmentReduction::mean) gradient *= T{1} / static_cast<T>(at.end - at.first);
  const bool picks = segment_reduction::picks_a_row(f.reduction);
  const int picked = f.reduction == SegmentReduction::max ? f.chosen[at.element] : at.end - 1;
  for (int row = at.first; row < at.end; ++row) {
    const std::int64_t i = std::int64_t{row} * f.columns + at.column;
    if (!picks || row == picked)
      put(args.dx, i, gradient);
    else if (!args.dx.accumulate)
      args.dx.data[i] = T{0};
  }
}

/// The arguments with the offsets on the device.
template <class T> SegmentPoolingForward<T> on_device(Context& context, SegmentPoolingForward<T> f) {
  f.offsets = Indices{indices(context, f.offsets), f.offsets.size()};
  return f;
}

template <class T> std::int64_t elements_of(const SegmentPoolingForward<T>& f) {
  return std::int64_t{f.segments()} * f.columns;
}

}  // namespace

template <class T> void segment_pooling_forward(ThisDevice, Context& context, const SegmentPoolingForward<T>& args) {
  if (elements_of(args) == 0) return;
  launch<segment_pooling_forward_kernel<T>>(context, {.grid = blocks_for(elements_of(args), threads), .block = threads},
                                            on_device(context, args));
}

template <class T> void segment_pooling_backward(ThisDevice, Context& context, const SegmentPoolingBackward<T>& args) {
  if (!args.dx || elements_of(args.forward) == 0) return;
  SegmentPoolingBackward<T> moved = args;
  moved.forward = on_device(context, args.forward);
  launch<segment_pooling_backward_kernel<T>>(
      context, {.grid = blocks_for(elements_of(args.forward), threads), .block = threads}, moved);
}

template void segment_pooling_forward(ThisDevice, Context&, const SegmentPoolingForward<float>&);
template void segment_pooling_forward(ThisDevice, Context&, const SegmentPoolingForward<double>&);
template void segment_pooling_backward(ThisDevice, Context&, const SegmentPoolingBackward<float>&);
template void segment_pooling_backward(ThisDevice, Context&, const SegmentPoolingBackward<double>&);

}  // namespace ethreed
