#include "kernels/common/column_sums.h"
#include "kernels/common/launch.h"
#include "kernels/common/math.h"
#include "kernels/common/row_products.h"
#include "kernels/emotion_gate/emotion_gate.h"

namespace ethreed {

namespace {

constexpr int threads = 256;
constexpr int warps_per_block = threads / warp_size;

/// A warp is one target token: the dot product s_i·key_r over its lanes, then the row of `out`.
template <class T>
__global__ void emotion_gate_forward_kernel(EmotionGateForward<T> args, const std::int32_t* offsets, int rows,
                                            int targets) {
  const int token = block_index() * warps_per_block + warp_index();
  if (token >= targets) return;
  const int lane = lane_index();
  const int d = args.state_columns, e = args.emotion_columns;
  const std::int64_t r = part_of(offsets, rows, token), i = token;
  const T gate = math::tanh(row_dot(args.s + i * d, args.key + r * d, d) + *args.bias);
  if (lane == 0) args.gate[i] = gate;
  scale_row(gate, args.emotion + r * e, e, GradientSink<T>{args.out + i * e});
}

/// dz of the tokens first … first + count − 1 of row r, and their rows of ds: a warp is every eighth token.
template <class T>
__device__ void tokens_backward(const EmotionGateBackward<T>& args, int r, int first, int count, T* dz) {
  const EmotionGateForward<T>& f = args.forward;
  const int d = f.state_columns, e = f.emotion_columns;
  const int lane = lane_index();
  for (int n = warp_index(); n < count; n += warps_per_block) {
    const std::int64_t i = first + n;
    const T gate = f.gate[i];
    const T dgate = row_dot(args.dout + i * e, f.emotion + std::int64_t{r} * e, e);
    const T value = dgate * (T{1} - gate * gate);
    if (lane == 0) dz[i] = value;
    if (args.ds) scale_row(value, f.key + std::int64_t{r} * d, d, sink_row(args.ds, i, d));
  }
}

/// Σ_i factor_i x_i over the tokens of row r, into row r of a sink; by half of the block's threads, each some columns.
template <class T>
__device__ void sum_tokens(int thread, int r, int first, int count, int columns, const T* factor, const T* x,
                           const GradientSink<T>& sink) {
  weighted_sums<1, T>(
      {thread, threads / 2}, 1, columns, EveryTerm{{first, first + count}}, [=](int, int i) { return factor[i]; },
      [=](int i) { return x + std::int64_t{i} * columns; }, [=](int) { return sink_row(sink, r, columns); });
}

/// A block is one row: first a warp per token for dz and ds, then one half of the threads sums dkey and the other
/// demotion, tokens from first to last, and the first warp the row's part of dbias, lane l tokens l, l + 32, ….
template <class T>
__global__ void emotion_gate_backward_kernel(EmotionGateBackward<T> args, const std::int32_t* offsets, T* dz,
                                             T* bias_parts) {
  const EmotionGateForward<T>& f = args.forward;
  const int r = block_index(), thread = thread_index();
  const int first = offsets[r], count = offsets[r + 1] - first;
  if (args.ds || args.dkey || args.dbias) tokens_backward(args, r, first, count, dz);
  __syncthreads();
  constexpr int half = threads / 2;
  if (thread >= half && args.demotion)
    sum_tokens(thread - half, r, first, count, f.emotion_columns, static_cast<const T*>(f.gate), args.dout,
               args.demotion);
  if (thread < half && args.dkey)
    sum_tokens(thread, r, first, count, f.state_columns, static_cast<const T*>(dz), f.s, args.dkey);
  if (thread >= warp_size || !args.dbias) return;
  T sum{0};
  for (int n = thread; n < count; n += warp_size) sum += dz[first + n];
  sum = warp_sum(sum);
  if (thread == 0) bias_parts[r] = sum;
}

}  // namespace

template <class T> void emotion_gate_forward(ThisDevice, Context& context, const EmotionGateForward<T>& args) {
  const int targets = args.targets();
  if (targets == 0) return;
  launch<emotion_gate_forward_kernel<T>>(context, {.grid = blocks_for(targets, warps_per_block), .block = threads},
                                         args, indices(context, args.target_offsets), args.rows(), targets);
}

template <class T> void emotion_gate_backward(ThisDevice, Context& context, const EmotionGateBackward<T>& args) {
  const int rows = args.forward.rows(), targets = args.forward.targets();
  ArenaScope scratch(context.scratch);
  T* dz = scratch.allocate<T>(std::int64_t{targets} + rows);
  T* bias_parts = dz + targets;
  if (rows > 0 && (args.ds || args.dkey || args.demotion || args.dbias))
    launch<emotion_gate_backward_kernel<T>>(context, {.grid = static_cast<unsigned>(rows), .block = threads}, args,
                                            indices(context, args.forward.target_offsets), dz, bias_parts);
  if (args.dbias) column_sums<T>(context, rows, 1, bias_parts, nullptr, nullptr, args.dbias);
}

template void emotion_gate_forward(ThisDevice, Context&, const EmotionGateForward<float>&);
template void emotion_gate_forward(ThisDevice, Context&, const EmotionGateForward<double>&);
template void emotion_gate_backward(ThisDevice, Context&, const EmotionGateBackward<float>&);
template void emotion_gate_backward(ThisDevice, Context&, const EmotionGateBackward<double>&);

}  // namespace ethreed
