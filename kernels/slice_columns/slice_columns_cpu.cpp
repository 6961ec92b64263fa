#include "kernels/slice_columns/slice_columns.h"

#include <algorithm>

namespace ethreed {

namespace {

/// By shape alone.
std::int64_t rows_per_chunk(std::int64_t columns) {
  return std::max<std::int64_t>(1, 16384 / std::max<std::int64_t>(1, columns));
}

}  // namespace

template <class T> void slice_columns_forward(Cpu, Context& context, const SliceColumnsForward<T>& args) {
  ETHREED_ASSERT(args.first >= 0 && args.count >= 0 && args.first + args.count <= args.columns);
  context.pool.parallel_ranges(args.rows, rows_per_chunk(args.count), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i)
      std::copy_n(args.x + i * args.columns + args.first, args.count, args.y + i * args.count);
  });
}

template <class T> void slice_columns_backward(Cpu, Context& context, const SliceColumnsBackward<T>& args) {
  if (!args.dx) return;
  const SliceColumnsForward<T>& f = args.forward;
  context.pool.parallel_ranges(f.rows, rows_per_chunk(f.columns), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      T* row = args.dx.data + i * f.columns;
      const T* __restrict dy = args.dy + i * f.count;
      T* __restrict dx = row + f.first;
      if (args.dx.accumulate) {
        for (int c = 0; c < f.count; ++c) dx[c] += dy[c];
        continue;
      }
      std::fill(row, row + f.first, T{0});
      std::copy_n(dy, f.count, dx);
      std::fill(dx + f.count, row + f.columns, T{0});
    }
  });
}

template void slice_columns_forward(Cpu, Context&, const SliceColumnsForward<float>&);
template void slice_columns_forward(Cpu, Context&, const SliceColumnsForward<double>&);
template void slice_columns_backward(Cpu, Context&, const SliceColumnsBackward<float>&);
template void slice_columns_backward(Cpu, Context&, const SliceColumnsBackward<double>&);

}  // namespace ethreed
