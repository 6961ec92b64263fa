#include "kernels/common/launch.h"
#include "kernels/common/row_products.h"
#include "kernels/time_windows/time_windows.h"

namespace ethreed {

namespace {

constexpr int threads = 256;

/// A segment of rows.
struct RowRange {
  int first, end;
  __device__ bool has(int row) const { return row >= first && row < end; }
};
__device__ RowRange segment_of(const Indices& offsets, int row) {
  const std::int32_t* starts = offsets.data();
  const int segment = part_of(starts, offsets.size() - 1, row);
  return {starts[segment], starts[segment + 1]};
}

/// A block is one row of y.
template <class T> __global__ void time_windows_forward_kernel(TimeWindowsForward<T> f) {
  const int row = block_index(), wide = f.width * f.columns;
  const RowRange segment = segment_of(f.offsets, row);
  T* y = f.y + std::int64_t{row} * wide;
  for (int k = thread_index(); k < wide; k += block_threads()) {
    const int from = row - f.left + k / f.columns;
    y[k] = segment.has(from) ? f.x[std::int64_t{from} * f.columns + k % f.columns] : T{0};
  }
}

/// A block is one row of dx: it collects what the windows hold of it.
template <class T> __global__ void time_windows_backward_kernel(TimeWindowsBackward<T> args) {
  const TimeWindowsForward<T>& f = args.forward;
  const int row = block_index();
  const RowRange segment = segment_of(f.offsets, row);
  for (int c = thread_index(); c < f.columns; c += block_threads()) {
    T sum{0};
    for (int o = 0; o < f.width; ++o) {
      const int to = row + f.left - o;
      if (segment.has(to)) sum += args.dy[(std::int64_t{to} * f.width + o) * f.columns + c];
    }
    put(args.dx, std::int64_t{row} * f.columns + c, sum);
  }
}

/// The arguments with the offsets on the device.
template <class T> TimeWindowsForward<T> on_device(Context& context, TimeWindowsForward<T> f) {
  f.offsets = Indices{indices(context, f.offsets), f.offsets.size()};
  return f;
}

template <class T> LaunchShape a_block_a_row(const TimeWindowsForward<T>& f) {
  return {.grid = static_cast<unsigned>(f.offsets.back()), .block = threads};
}

template <class T> bool has_elements(const TimeWindowsForward<T>& f) {
  return !f.offsets.empty() && f.offsets.back() > 0 && f.columns > 0;
}

}  // namespace

template <class T> void time_windows_forward(ThisDevice, Context& context, const TimeWindowsForward<T>& args) {
  if (has_elements(args))
    launch<time_windows_forward_kernel<T>>(context, a_block_a_row(args), on_device(context, args));
}

template <class T> void time_windows_backward(ThisDevice, Context& context, const TimeWindowsBackward<T>& args) {
  if (!args.dx || !has_elements(args.forward)) return;
  TimeWindowsBackward<T> moved = args;
  moved.forward = on_device(context, args.forward);
  launch<time_windows_backward_kernel<T>>(context, a_block_a_row(args.forward), moved);
}

template void time_windows_forward(ThisDevice, Context&, const TimeWindowsForward<float>&);
template void time_windows_forward(ThisDevice, Context&, const TimeWindowsForward<double>&);
template void time_windows_backward(ThisDevice, Context&, const TimeWindowsBackward<float>&);
template void time_windows_backward(ThisDevice, Context&, const TimeWindowsBackward<double>&);

}  // namespace ethreed
