#include "kernels/common/row_log_sum_exp.h"
#include "kernels/layer_norm/layer_norm.h"

namespace ethreed {

namespace {

constexpr int sum_columns = 32, sum_lanes = 8;

/// A warp is one row, a lane every 32nd element of it.
template <class T> __global__ void layer_norm_forward_kernel(LayerNormForward<T> f) {
  const int row = row_of_warp();
  if (row >= f.rows) return;  // all lanes of the warp
  const std::int64_t start = std::int64_t{row} * f.columns;
  const T* x = f.x + start;
  const int lane = lane_index(), n = f.columns;
  T sum{0}, squares{0};
  for (int k = lane; k < n; k += warp_size) sum += x[k];
  const T mean = warp_sum(sum) / static_cast<T>(n);
  for (int k = lane; k < n; k += warp_size) squares += (x[k] - mean) * (x[k] - mean);
  const T deviation = norm::deviation(f, warp_sum(squares));
  const T scale = norm::scale(f, deviation);
  for (int k = lane; k < n; k += warp_size) f.y[start + k] = (x[k] - mean) * scale * f.gamma[k] + f.beta[k];
  if (lane != 0) return;
  f.mean[row] = mean;
  f.deviation[row] = deviation;
}

/// dx. A warp is one row, a lane every 32nd element of it.
template <class T> __global__ void layer_norm_backward_kernel(LayerNormBackward<T> args) {
  const LayerNormForward<T>& f = args.forward;
  const int row = row_of_warp();
  if (row >= f.rows) return;
  const std::int64_t start = std::int64_t{row} * f.columns;
  const T* x = f.x + start;
  const T* dy = args.dy + start;
  const int lane = lane_index(), n = f.columns;
  const T mean = f.mean[row], deviation = f.deviation[row];
  const T scale = norm::scale(f, deviation);
  T sum{0}, bend{0};
  for (int k = lane; k < n; k += warp_size) {
    const T h = dy[k] * f.gamma[k];
    sum += h;
    bend += h * (x[k] - mean);
  }
  const T mean_h = warp_sum(sum) / static_cast<T>(n);
  bend = norm::curvature(f, deviation, scale) * warp_sum(bend);
  for (int k = lane; k < n; k += warp_size)
    put(args.dx, start + k, (dy[k] * f.gamma[k] - mean_h) * scale - (x[k] - mean) * bend);
}

/// dgamma and dbeta of 32 columns, by eight threads a column: thread l adds rows l, l + 8, …; the first of them then
/// adds the others from first to last.
template <class T> __global__ void layer_norm_sums_kernel(LayerNormBackward<T> args) {
  T* parts = shared_array<T, 2 * sum_columns * sum_lanes, struct LayerNormSums>();
  const LayerNormForward<T>& f = args.forward;
  const int lane = static_cast<int>(threadIdx.y), column = index_in_grid();
  T dgamma{0}, dbeta{0};
  for (int row = lane; row < f.rows && column < f.columns; row += sum_lanes) {
    const std::int64_t at = std::int64_t{row} * f.columns + column;
    const T dy = args.dy[at];
    if (args.dgamma) dgamma += dy * ((f.x[at] - f.mean[row]) * norm::scale(f, f.deviation[row]));
    dbeta += dy;
  }
  parts[lane * sum_columns + thread_index()] = dgamma;
  parts[(sum_lanes + lane) * sum_columns + thread_index()] = dbeta;
  __syncthreads();
  if (lane != 0 || column >= f.columns) return;
  for (int other = 1; other < sum_lanes; ++other) {
    dgamma += parts[other * sum_columns + thread_index()];
    dbeta += parts[(sum_lanes + other) * sum_columns + thread_index()];
  }
  if (args.dgamma) put(args.dgamma, column, dgamma);
  if (args.dbeta) put(args.dbeta, column, dbeta);
}

}  // namespace

template <class T> void layer_norm_forward(ThisDevice, Context& context, const LayerNormForward<T>& args) {
  if (args.rows == 0) return;
  launch<layer_norm_forward_kernel<T>>(context, a_warp_a_row(args.rows), args);
}

template <class T> void layer_norm_backward(ThisDevice, Context& context, const LayerNormBackward<T>& args) {
  if (args.dx && args.forward.rows > 0)
    launch<layer_norm_backward_kernel<T>>(context, a_warp_a_row(args.forward.rows), args);
  if (args.dgamma || args.dbeta)
    launch<layer_norm_sums_kernel<T>>(
        context, {.grid = blocks_for(args.forward.columns, sum_columns), .block = dim3(sum_columns, sum_lanes)}, args);
}

template void layer_norm_forward(ThisDevice, Context&, const LayerNormForward<float>&);
template void layer_norm_forward(ThisDevice, Context&, const LayerNormForward<double>&);
template void layer_norm_backward(ThisDevice, Context&, const LayerNormBackward<float>&);
template void layer_norm_backward(ThisDevice, Context&, const LayerNormBackward<double>&);

}  // namespace ethreed
