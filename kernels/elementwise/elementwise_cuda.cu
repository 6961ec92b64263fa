#include "kernels/common/block.h"
#include "kernels/common/launch.h"
#include "kernels/common/row_log_sum_exp.h"
#include "kernels/elementwise/elementwise.h"

namespace ethreed {

namespace {

constexpr int threads = 256;
constexpr int sum_columns = 32, sum_lanes = 16;  // of a block that adds rows

/// A thread is one element.
template <class T, class F> __global__ void elementwise_forward_kernel(ElementwiseForward<T> f) {
  const std::int64_t k = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (k < f.count) f.y[k] = elementwise::value_at<F>(f, k);
}

/// All gradients of an element, by one thread.
template <class T, class F> __global__ void elementwise_backward_kernel(ElementwiseBackward<T> args) {
  const std::int64_t k = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (k >= args.forward.count) return;
  if (args.da) put(args.da, k, elementwise::to_a_at<F>(args, k));
  if constexpr (F::inputs == 2)
    if (args.db) put(args.db, k, elementwise::to_b_at<F>(args, k));
}

template <class F, class T> void run_forward(Context& context, const ElementwiseForward<T>& args) {
  launch<elementwise_forward_kernel<T, F>>(context, {.grid = blocks_for(args.count, threads), .block = threads}, args);
}

template <class F, class T> void run_backward(Context& context, const ElementwiseBackward<T>& args) {
  launch<elementwise_backward_kernel<T, F>>(context,
                                            {.grid = blocks_for(args.forward.count, threads), .block = threads}, args);
}

/// A thread is one element; b is a row or a column.
template <class T, class F> __global__ void elementwise_broadcast_forward_kernel(ElementwiseForward<T> f) {
  const std::int64_t k = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (k >= f.count) return;
  f.y[k] = elementwise::value_at<F>(f, k, f.b[f.broadcast == Broadcast::row ? k % f.columns : k / f.columns]);
}

/// b is a row. A block has 32 columns, sixteen threads each, of which thread l takes rows l, l + 16, …; the first then
/// adds what the others have for db.
template <class T, class F> __global__ void elementwise_row_backward_kernel(ElementwiseBackward<T> args) {
  T* parts = shared_array<T, sum_columns * sum_lanes, struct ElementwiseSums>();
  const ElementwiseForward<T>& f = args.forward;
  const int lane = static_cast<int>(threadIdx.y);
  const std::int64_t column = index_in_grid();
  T sum{0};
  if (column < f.columns && lane * f.columns < f.count) {
    const T b = f.b[column];
    for (std::int64_t k = lane * f.columns + column; k < f.count; k += sum_lanes * f.columns) {
      if (args.da) put(args.da, k, elementwise::to_a_at<F>(args, k, b));
      if (args.db) sum += elementwise::to_b_at<F>(args, k, b);
    }
  }
  if (!args.db) return;
  parts[lane * sum_columns + thread_index()] = sum;
  __syncthreads();
  if (lane != 0 || column >= f.columns) return;
  for (int other = 1; other < sum_lanes; ++other) sum += parts[other * sum_columns + thread_index()];
  put(args.db, column, sum);
}

/// b is a column. A warp is one row, a lane every 32nd element of it.
template <class T, class F> __global__ void elementwise_column_backward_kernel(ElementwiseBackward<T> args, int rows) {
  const ElementwiseForward<T>& f = args.forward;
  const int row = row_of_warp();
  if (row >= rows) return;  // all lanes of the warp
  const std::int64_t first = row * f.columns;
  const T b = f.b[row];
  T sum{0};
  for (std::int64_t k = first + lane_index(); k < first + f.columns; k += warp_size) {
    if (args.da) put(args.da, k, elementwise::to_a_at<F>(args, k, b));
    if (args.db) sum += elementwise::to_b_at<F>(args, k, b);
  }
  if (!args.db) return;
  sum = warp_sum(sum);
  if (lane_index() == 0) put(args.db, row, sum);
}

template <class F, class T> void run_backward_broadcast(Context& context, const ElementwiseBackward<T>& args) {
  const ElementwiseForward<T>& f = args.forward;
  const auto rows = static_cast<int>(f.count / f.columns);
  if (f.broadcast == Broadcast::row)
    launch<elementwise_row_backward_kernel<T, F>>(
        context, {.grid = blocks_for(f.columns, sum_columns), .block = dim3(sum_columns, sum_lanes)}, args);
  else if (rows > 0)
    launch<elementwise_column_backward_kernel<T, F>>(context, a_warp_a_row(rows), args, rows);
}

}  // namespace

template <class T> void elementwise_forward(ThisDevice, Context& context, const ElementwiseForward<T>& args) {
  if (args.count == 0) return;
  if (args.broadcast == Broadcast::none)
    elementwise::with_function(args.function, [&]<class F>(F) { run_forward<F>(context, args); });
  else
    elementwise::with_function_of_two(args.function, [&]<class F>(F) {
      launch<elementwise_broadcast_forward_kernel<T, F>>(
          context, {.grid = blocks_for(args.count, threads), .block = threads}, args);
    });
}

template <class T> void elementwise_backward(ThisDevice, Context& context, const ElementwiseBackward<T>& args) {
  const ElementwiseForward<T>& f = args.forward;
  if (!args.da && !args.db) return;
  if (f.broadcast == Broadcast::none) {
    if (f.count > 0) elementwise::with_function(f.function, [&]<class F>(F) { run_backward<F>(context, args); });
  } else if (f.count > 0 || args.db) {  // a row's gradient of no rows is zeros
    elementwise::with_function_of_two(f.function, [&]<class F>(F) { run_backward_broadcast<F>(context, args); });
  }
}

template void elementwise_forward(ThisDevice, Context&, const ElementwiseForward<float>&);
template void elementwise_forward(ThisDevice, Context&, const ElementwiseForward<double>&);
template void elementwise_backward(ThisDevice, Context&, const ElementwiseBackward<float>&);
template void elementwise_backward(ThisDevice, Context&, const ElementwiseBackward<double>&);

}  // namespace ethreed
