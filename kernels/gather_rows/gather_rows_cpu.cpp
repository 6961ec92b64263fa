#include "kernels/gather_rows/gather_rows.h"

#include <algorithm>

namespace ethreed {

namespace {

constexpr std::int64_t rows_per_chunk = 64;
constexpr std::int64_t columns_per_chunk = 128;

template <class T> std::int64_t total_columns(const GatherRowsForward<T>& args) {
  if (args.stacked) return args.columns[0];
  std::int64_t total = 0;
  for (int p = 0; p < args.parts; ++p) total += args.columns[p];
  return total;
}

/// The row of x_part from which row i of y comes, −1 if there is none.
template <class T> std::int64_t source_row(const GatherRowsForward<T>& args, std::size_t part, std::int64_t i) {
  if (!args.stacked) return args.index[part][i];
  const std::int64_t source = args.index[0][i];
  const std::int64_t split = args.source_rows[0];
  if (part == 0) return source < split ? source : -1;
  return source < split ? -1 : source - split;
}

template <class T>
void scatter_add(const GatherRowsBackward<T>& args, std::size_t part, std::int64_t first_column, std::int64_t begin,
                 std::int64_t end) {
  const GatherRowsForward<T>& f = args.forward;
  const std::int64_t columns = f.columns[part];
  const std::int64_t stride = total_columns(f);
  T* dx = args.dx[part].data;
  if (!args.dx[part].accumulate)
    for (std::int64_t s = 0; s < f.source_rows[part]; ++s)
      std::fill(dx + s * columns + begin, dx + s * columns + end, T{0});
  for (std::int64_t i = 0; i < f.rows; ++i) {
    const std::int64_t source = source_row(f, part, i);
    if (source < 0) continue;
    T* __restrict out = dx + source * columns;
    const T* __restrict dy = args.dy + i * stride + first_column;
    for (std::int64_t j = begin; j < end; ++j) out[j] += dy[j];
  }
}

}  // namespace

template <class T> void gather_rows_forward(Cpu, Context& context, const GatherRowsForward<T>& args) {
  const std::int64_t stride = total_columns(args);
  context.pool.parallel_ranges(args.rows, rows_per_chunk, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      T* y = args.y + i * stride;
      if (args.stacked) {
        const bool second = args.index[0][i] >= args.source_rows[0];
        const std::int64_t source = source_row(args, second ? 1 : 0, i);
        ETHREED_ASSERT(source >= -1 && source < args.source_rows[second ? 1 : 0]);
        if (source < 0)
          std::fill_n(y, stride, T{0});
        else
          std::copy_n((second ? args.x[1] : args.x[0]) + source * stride, stride, y);
        continue;
      }
      for (int p = 0; p < args.parts; ++p) {
        const std::int64_t source = args.index[p][i];
        const std::int64_t columns = args.columns[p];
        ETHREED_ASSERT(source >= -1 && source < args.source_rows[p]);
        y = source < 0 ? std::fill_n(y, columns, T{0}) : std::copy_n(args.x[p] + source * columns, columns, y);
      }
    }
  });
}

template <class T> void gather_rows_backward(Cpu, Context& context, const GatherRowsBackward<T>& args) {
  std::int64_t first_column = 0;
  for (int p = 0; p < args.forward.parts; ++p) {
    const std::int64_t columns = args.forward.columns[p];
    if (args.dx[p])
      context.pool.parallel_ranges(columns, columns_per_chunk, [&](std::int64_t begin, std::int64_t end) {
        scatter_add(args, p, first_column, begin, end);
      });
    if (!args.forward.stacked) first_column += columns;
  }
}

template void gather_rows_forward(Cpu, Context&, const GatherRowsForward<float>&);
template void gather_rows_forward(Cpu, Context&, const GatherRowsForward<double>&);
template void gather_rows_backward(Cpu, Context&, const GatherRowsBackward<float>&);
template void gather_rows_backward(Cpu, Context&, const GatherRowsBackward<double>&);

}  // namespace ethreed
