#include "kernels/time_windows/time_windows.h"

#include <algorithm>

namespace ethreed {

namespace {

constexpr std::int64_t rows_per_chunk = 32;

/// Calls body(row, first row of its segment, first row after it) for every row, in chunks of rows.
template <class Body> void for_each_row(Context& context, Indices offsets, const Body& body) {
  const std::int64_t rows = offsets.empty() ? 0 : offsets.back();
  context.pool.parallel_ranges(rows, rows_per_chunk, [&](std::int64_t begin, std::int64_t end) {
    // The last segment that starts at or before `begin`; empty ones are stepped over.
    const auto after = std::upper_bound(offsets.begin(), offsets.end(), begin);
    auto segment = static_cast<int>(after - offsets.begin()) - 1;
    for (std::int64_t row = begin; row < end; ++row) {
      while (row >= offsets[segment + 1]) ++segment;
      body(row, std::int64_t{offsets[segment]}, std::int64_t{offsets[segment + 1]});
    }
  });
}

}  // namespace

template <class T> void time_windows_forward(Cpu, Context& context, const TimeWindowsForward<T>& args) {
  ETHREED_ASSERT(args.left >= 0 && args.left < args.width);
  const std::int64_t columns = args.columns;
  for_each_row(context, args.offsets, [&](std::int64_t row, std::int64_t first, std::int64_t end) {
    T* y = args.y + row * args.width * columns;
    for (int o = 0; o < args.width; ++o) {
      const std::int64_t from = row - args.left + o;
      y = from < first || from >= end ? std::fill_n(y, columns, T{0})
                                      : std::copy_n(args.x + from * columns, columns, y);
    }
  });
}

template <class T> void time_windows_backward(Cpu, Context& context, const TimeWindowsBackward<T>& args) {
  const TimeWindowsForward<T>& f = args.forward;
  if (!args.dx) return;
  const std::int64_t columns = f.columns;
  for_each_row(context, f.offsets, [&](std::int64_t row, std::int64_t first, std::int64_t end) {
    T* __restrict dx = args.dx.data + row * columns;
    if (!args.dx.accumulate) std::fill_n(dx, columns, T{0});
    for (int o = 0; o < f.width; ++o) {
      const std::int64_t to = row + f.left - o;
      if (to < first || to >= end) continue;
      const T* dy = args.dy + (to * f.width + o) * columns;
      for (std::int64_t c = 0; c < columns; ++c) dx[c] += dy[c];
    }
  });
}

template void time_windows_forward(Cpu, Context&, const TimeWindowsForward<float>&);
template void time_windows_forward(Cpu, Context&, const TimeWindowsForward<double>&);
template void time_windows_backward(Cpu, Context&, const TimeWindowsBackward<float>&);
template void time_windows_backward(Cpu, Context&, const TimeWindowsBackward<double>&);

}  // namespace ethreed
