// A matrix product with one column is a dot product a row: cheaper than putting the parts side by side and calling a
// GEMM.
#include "kernels/common/block.h"
#include "kernels/common/grid_constant.h"
#include "kernels/common/launch.h"
#include "kernels/common/math.h"
#include "kernels/linear/linear_single.h"

namespace ethreed {
inline namespace ETHREED_DEVICE_BUILD {

namespace {

constexpr int threads = 256;
constexpr int warps = threads / warp_size;
constexpr int tile_columns = 32, tile_lanes = 8;

/// What a layer reads.
template <class T> struct Inputs {
  const T* x[linear_max_parts];
  int columns[linear_max_parts];
  int parts, rows, in;
  const T* weight;
  const T* bias;
  bool tanh;
};

template <class T> Inputs<T> inputs_of(const LinearForward<T>& args) {
  Inputs<T> inputs{.parts = args.parts,
                   .rows = args.rows,
                   .weight = args.weight,
                   .bias = args.bias,
                   .tanh = args.activation == Activation::tanh};
  for (int p = 0; p < args.parts; ++p) {
    inputs.x[p] = args.x[p];
    inputs.columns[p] = args.columns[p];
    inputs.in += inputs.columns[p];
  }
  return inputs;
}

/// dz of a row.
template <class T> __device__ T before_activation(const T* dy, const T* y, bool tanh, int row) {
  return tanh ? dy[row] * (T{1} - y[row] * y[row]) : dy[row];
}

/// y = f(x·w + b): a warp is a row.
template <class T> __global__ void linear_single_forward_kernel(const __grid_constant__ Inputs<T> inputs, T* y) {
  const int lane = lane_index();
  const int row = block_index() * warps + warp_index();
  const bool works = row < inputs.rows;
  T sum{0};
  const T* w = inputs.weight;
  for (int p = 0; works && p < inputs.parts; w += inputs.columns[p++]) {
    const T* x = inputs.x[p] + std::int64_t{row} * inputs.columns[p];
    for (int j = lane; j < inputs.columns[p]; j += warp_size) sum += x[j] * w[j];
  }
  sum = warp_sum(sum);
  if (!works || lane != 0) return;
  if (inputs.bias != nullptr) sum += *inputs.bias;
  y[row] = inputs.tanh ? math::tanh(sum) : sum;
}

/// dx_p = dz·w_p, all parts: a block is a row.
template <class T> struct InputGradients { GradientSink<T> dx[linear_max_parts]; };
template <class T>
__global__ void linear_single_inputs_kernel(const __grid_constant__ Inputs<T> inputs, const T* dy, const T* y,
                                            const __grid_constant__ InputGradients<T> gradients) {
  const int row = block_index();
  const T dz = before_activation(dy, y, inputs.tanh, row);
  const T* w = inputs.weight;
  for (int p = 0; p < inputs.parts; w += inputs.columns[p++]) {
    if (!gradients.dx[p]) continue;
    for (int j = thread_index(); j < inputs.columns[p]; j += threads)
      put(gradients.dx[p], std::int64_t{row} * inputs.columns[p] + j, dz * w[j]);
  }
}

/// dW_j = Σ_i dz_i x_ij, and db = Σ_i dz_i in the column after the last. A block has 32 columns and 8 lanes of rows.
template <class T>
__global__ void linear_single_weights_kernel(const __grid_constant__ Inputs<T> inputs, const T* dy, const T* y,
                                             GradientSink<T> dweight, GradientSink<T> dbias) {
  T* parts = shared_array<T, tile_columns * tile_lanes, struct SingleParts>();
  const int lane = static_cast<int>(threadIdx.y), column = index_in_grid();
  const T* x = nullptr;  // the column's part, from this column on; null for the bias
  int stride = 0;
  for (int p = 0, first = 0; p < inputs.parts; first += inputs.columns[p++])
    if (column >= first && column < first + inputs.columns[p]) {
      x = inputs.x[p] + (column - first);
      stride = inputs.columns[p];
    }
  T sum{0};
  for (int row = lane; row < inputs.rows && column <= inputs.in; row += tile_lanes) {
    const T dz = before_activation(dy, y, inputs.tanh, row);
    sum += x != nullptr ? dz * x[std::int64_t{row} * stride] : dz;
  }
  parts[lane * tile_columns + thread_index()] = sum;
  __syncthreads();
  if (lane != 0 || column > inputs.in) return;
  for (int other = 1; other < tile_lanes; ++other) sum += parts[other * tile_columns + thread_index()];
  if (column < inputs.in) {
    if (dweight) put(dweight, column, sum);
  } else if (dbias) {
    put(dbias, 0, sum);
  }
}

}  // namespace

template <class T> void linear_single_forward(Context& context, const LinearForward<T>& args) {
  if (args.rows == 0) return;
  launch<linear_single_forward_kernel<T>>(context, {.grid = blocks_for(args.rows, warps), .block = threads},
                                          inputs_of(args), args.y);
}

template <class T> void linear_single_backward(Context& context, const LinearBackward<T>& args) {
  const Inputs<T> inputs = inputs_of(args.forward);
  InputGradients<T> gradients{};
  bool wanted = false;
  for (int p = 0; p < inputs.parts; ++p) {
    gradients.dx[p] = args.dx[p];
    wanted = wanted || gradients.dx[p];
  }
  if (wanted && inputs.rows > 0)
    launch<linear_single_inputs_kernel<T>>(context, {.grid = static_cast<unsigned>(inputs.rows), .block = threads},
                                           inputs, args.dy, args.forward.y, gradients);
  if (args.dweight || args.dbias)
    launch<linear_single_weights_kernel<T>>(
        context, {.grid = blocks_for(inputs.in + 1, tile_columns), .block = dim3(tile_columns, tile_lanes)}, inputs,
        args.dy, args.forward.y, args.dweight, args.dbias);
}

template void linear_single_forward(Context&, const LinearForward<float>&);
template void linear_single_forward(Context&, const LinearForward<double>&);
template void linear_single_backward(Context&, const LinearBackward<float>&);
template void linear_single_backward(Context&, const LinearBackward<double>&);

}  // namespace ETHREED_DEVICE_BUILD
}  // namespace ethreed
