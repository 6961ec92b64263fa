#include "kernels/common/launch.h"
#include "kernels/common/selected_rows.h"
#include "kernels/gather_rows/gather_rows.h"

#include <algorithm>

namespace ethreed {

namespace {

constexpr int threads = 256;

template <class T> ETHREED_HOST_DEVICE int row_width(const GatherRowsForward<T>& f) {
  return f.parts == 1 || f.stacked ? f.columns[0] : f.columns[0] + f.columns[1];
}

/// May every part's rows be read as vectors?
template <class T> bool vectors(const GatherRowsForward<T>& f) {
  return rows_are_vectors(f.columns[0]) && (f.parts == 1 || rows_are_vectors(f.columns[1]));
}

/// The forward of both modes; `f.index` are device copies. A thread copies one V, consecutive threads go along a row of
/// y.
template <class T, class V> __global__ void gather_rows_forward_kernel(GatherRowsForward<T> f) {
  const int width = row_width(f);
  const int groups = width / elements_of<V, T>;
  const std::int64_t place = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  const std::int64_t i = place / groups;
  const std::int64_t column = place % groups * elements_of<V, T>;
  if (i >= f.rows) return;
  std::int64_t from = column;
  std::int64_t source;
  bool second;
  if (f.stacked) {
    source = f.index[0][i];
    second = source >= f.source_rows[0];
    if (second) source -= f.source_rows[0];
  } else {
    second = column >= f.columns[0];
    if (second) from -= f.columns[0];
    source = second ? f.index[1][i] : f.index[0][i];
  }
  const T* x = second ? f.x[1] : f.x[0];
  const int columns = second ? f.columns[1] : f.columns[0];
  store_as(f.y + i * width + column, source < 0 ? V{} : load_as<V>(x + source * columns + from));
}

/// Row blockIdx.x of one x: finds the rows of dy that came from there, index `wanted`, and adds them up.
template <class V, class T>
__device__ void gather_part_backward(const std::int32_t* index, int rows, int wanted, const T* dy, int width,
                                     int columns, const GradientSink<T>& dx) {
  const std::int64_t column = std::int64_t{blockIdx.y * blockDim.x + threadIdx.x} * elements_of<V, T>;
  const bool reads = column < columns;
  V sum{};
  add_selected(index, rows, wanted, 0, dy + column, width, reads, sum);
  if (reads) put_as(dx.data + std::int64_t{blockIdx.x} * columns + column, dx.accumulate, sum);
}

/// A block is row blockIdx.x of x_1 and of x_2, one after the other (their sinks may be one array), i ascending. A
/// thread has one V of the row.
template <class T, class V> __global__ void gather_rows_backward_kernel(GatherRowsBackward<T> args) {
  const GatherRowsForward<T>& f = args.forward;
  const int row = block_index();
  const int width = row_width(f);
  if (args.dx[0] && row < f.source_rows[0])
    gather_part_backward<V>(f.index[0], f.rows, row, args.dy, width, f.columns[0], args.dx[0]);
  if (f.parts == 1 || !args.dx[1] || row >= f.source_rows[1]) return;
  const std::int32_t* index = f.stacked ? f.index[0] : f.index[1];
  const int wanted = f.stacked ? row + f.source_rows[0] : row;
  const T* dy = f.stacked ? args.dy : args.dy + f.columns[0];
  gather_part_backward<V>(index, f.rows, wanted, dy, width, f.columns[1], args.dx[1]);
}

/// The arguments with the device copies of their indices.
template <class T> GatherRowsForward<T> with_device_indices(Context& context, GatherRowsForward<T> f) {
  const int arrays = f.stacked ? 1 : f.parts;
  if (f.rows > 0)
    for (int p = 0; p < arrays; ++p) f.index[p] = indices(context, f.index[p], f.rows);
  return f;
}

template <class T, class V> void run_forward(Context& context, const GatherRowsForward<T>& args) {
  const std::int64_t count = std::int64_t{args.rows} * row_width(args) / elements_of<V, T>;
  if (count == 0) return;
  launch<gather_rows_forward_kernel<T, V>>(context, {.grid = blocks_for(count, threads), .block = threads},
                                           with_device_indices(context, args));
}

template <class T, class V> void run_backward(Context& context, const GatherRowsBackward<T>& args) {
  GatherRowsBackward<T> back = args;
  back.forward = with_device_indices(context, args.forward);
  int rows = 0, columns = 0;
  for (int p = 0; p < args.forward.parts; ++p) {
    if (!args.dx[p]) continue;
    rows = std::max(rows, args.forward.source_rows[p]);
    columns = std::max(columns, args.forward.columns[p]);
  }
  if (rows == 0 || columns == 0) return;
  const dim3 grid(static_cast<unsigned>(rows), blocks_for(columns / elements_of<V, T>, selection_threads));
  launch<gather_rows_backward_kernel<T, V>>(context, {.grid = grid, .block = selection_threads}, back);
}

}  // namespace

template <class T> void gather_rows_forward(ThisDevice, Context& context, const GatherRowsForward<T>& args) {
  if (vectors(args))
    run_forward<T, Vector4<T>>(context, args);
  else
    run_forward<T, T>(context, args);
}

template <class T> void gather_rows_backward(ThisDevice, Context& context, const GatherRowsBackward<T>& args) {
  if (vectors(args.forward))
    run_backward<T, Vector4<T>>(context, args);
  else
    run_backward<T, T>(context, args);
}

template void gather_rows_forward(ThisDevice, Context&, const GatherRowsForward<float>&);
template void gather_rows_forward(ThisDevice, Context&, const GatherRowsForward<double>&);
template void gather_rows_backward(ThisDevice, Context&, const GatherRowsBackward<float>&);
template void gather_rows_backward(ThisDevice, Context&, const GatherRowsBackward<double>&);

}  // namespace ethreed
