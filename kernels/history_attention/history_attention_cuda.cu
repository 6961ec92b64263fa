#include "kernels/common/launch.h"
#include "kernels/common/math.h"
#include "kernels/common/row_products.h"
#include "kernels/history_attention/history_attention.h"

namespace ethreed {

namespace {

constexpr int forward_threads = 256;
constexpr int backward_threads = 512;

/// β_k in place of the scores, n of them, by one warp: lane l has elements l, l + 32, ….
template <class T> __device__ void softmax(T* x, int n) {
  const int lane = lane_index();
  T high = -std::numeric_limits<T>::infinity();
  for (int j = lane; j < n; j += warp_size) high = x[j] > high || x[j] != x[j] ? x[j] : high;
  high = warp_max(high);
  T sum{0};
  for (int j = lane; j < n; j += warp_size) {
    x[j] = math::exp(x[j] - high);
    sum += x[j];
  }
  sum = warp_sum(sum);
  for (int j = lane; j < n; j += warp_size) x[j] /= sum;
}

/// A block is one row of the packing, step k of sequence b: a warp has every eighth score (4), the first warp their
/// softmax, and each thread some columns of a_k (3), j from first to last.
template <class T>
__global__ void history_attention_forward_kernel(HistoryAttentionForward<T> args, const std::int32_t* offsets,
                                                 int steps) {
  const int q = args.query_columns, g = args.value_columns;
  const int thread = thread_index(), warp = thread / warp_size;
  const std::int64_t row = blockIdx.x;
  const int k = part_of(offsets, steps, static_cast<int>(row));
  const int b = static_cast<int>(row) - offsets[k];
  const auto row_of = [=](int step) { return std::int64_t{offsets[step]} + b; };
  T* beta = args.beta + row * steps;

  for (int j = warp; j < k; j += forward_threads / warp_size) {
    const T score = row_dot(args.query + row * q, args.keys + row_of(j) * q, q);
    if (thread % warp_size == 0) beta[j] = score;
  }
  __syncthreads();
  if (warp == 0 && k > 0) softmax(beta, k);
  __syncthreads();
  weighted_sums<1, T>(
      {thread, forward_threads}, 1, g, EveryTerm{{0, k}}, [=](int, int j) { return beta[j]; },
      [=](int j) { return args.values + row_of(j) * g; }, [=](int) { return GradientSink<T>{args.a + row * g}; });
}

/// Steps of sequence b, counted by each warp for itself.
__device__ int length_of(const std::int32_t* offsets, int steps, int b) {
  int length = 0;
  for (int t = lane_index(); t < steps; t += warp_size) length += offsets[t + 1] - offsets[t] > b ? 1 : 0;
  return warp_sum(length);
}

/// dscore_kj for j < k, by one warp. Lane l keeps elements l, l + 32, … to itself until all is done.
template <class T, class RowOf>
__device__ void scores_backward(const HistoryAttentionBackward<T>& args, int steps, int k, RowOf row_of, T* dscore) {
  const HistoryAttentionForward<T>& f = args.forward;
  const int g = f.value_columns, lane = lane_index();
  const T* beta = f.beta + row_of(k) * steps;
  for (int j = 0; j < k; ++j) {
    const T dbeta = row_dot(args.da + row_of(k) * g, f.values + row_of(j) * g, g);
    if (j % warp_size == lane) dscore[j] = dbeta;
  }
  T mean{0};
  for (int j = lane; j < k; j += warp_size) mean += beta[j] * dscore[j];
  mean = warp_sum(mean);
  for (int j = lane; j < k; j += warp_size) dscore[j] = beta[j] * (dscore[j] - mean);
}

/// A block is one sequence, blockIdx.x, or one of gridDim.y that share its columns of gradients: each computes all of
/// the sequence's dscore [length, steps] in a part of `dscores` of its own, a warp per step, and then its items of
/// dquery, dkeys and dvalues, j and k from first to last.
template <class T>
__global__ void __launch_bounds__(backward_threads, 1)
    history_attention_backward_kernel(HistoryAttentionBackward<T> args, const std::int32_t* offsets, int steps,
                                      T* dscores) {
  const HistoryAttentionForward<T>& f = args.forward;
  const int q = f.query_columns, g = f.value_columns;
  const int b = block_index(), part = static_cast<int>(blockIdx.y), parts = static_cast<int>(gridDim.y);
  const int length = length_of(offsets, steps, b);
  const auto row_of = [=](int step) { return std::int64_t{offsets[step]} + b; };
  T* const dscore = dscores + std::int64_t{part} * offsets[steps] * steps;
  const auto dscore_at = [=](int k) { return dscore + row_of(k) * steps; };

  if (args.dquery || args.dkeys)
    for (int k = warp_index(); k < length; k += backward_threads / warp_size)
      scores_backward(args, steps, k, row_of, dscore_at(k));
  __syncthreads();

  const Share share{part * backward_threads + thread_index(), parts * backward_threads};
  const auto earlier = [](int k) { return Terms{0, k}; };
  const auto later = [=](int j) { return Terms{j + 1, length}; };
  if (args.dquery)
    weighted_sums<1, T>(
        share, length, q, earlier, [=](int k, int j) { return dscore_at(k)[j]; },
        [=](int j) { return f.keys + row_of(j) * q; }, [=](int k) { return sink_row(args.dquery, row_of(k), q); });
  if (args.dkeys)
    weighted_sums<1, T>(
        share, length, q, later, [=](int j, int k) { return dscore_at(k)[j]; },
        [=](int k) { return f.query + row_of(k) * q; }, [=](int j) { return sink_row(args.dkeys, row_of(j), q); });
  if (args.dvalues)
    weighted_sums<1, T>(
        share, length, g, later, [=](int j, int k) { return f.beta[row_of(k) * steps + j]; },
        [=](int k) { return args.da + row_of(k) * g; }, [=](int j) { return sink_row(args.dvalues, row_of(j), g); });
}

}  // namespace

template <class T>
void history_attention_forward(ThisDevice, Context& context, const HistoryAttentionForward<T>& args) {
  const Packing& packing = args.packing;
  if (packing.rows() == 0) return;
  launch<history_attention_forward_kernel<T>>(context,
                                              {.grid = static_cast<unsigned>(packing.rows()), .block = forward_threads},
                                              args, indices(context, packing.offsets), packing.steps());
}

template <class T>
void history_attention_backward(ThisDevice, Context& context, const HistoryAttentionBackward<T>& args) {
  const Packing& packing = args.forward.packing;
  if (packing.rows() == 0 || !(args.dquery || args.dkeys || args.dvalues)) return;
  const unsigned parts = blocks_for_each(*context.runtime, packing.sequences());
  ArenaScope scratch(context.scratch);
  T* dscores = scratch.allocate<T>(std::int64_t{parts} * packing.rows() * packing.steps());
  launch<history_attention_backward_kernel<T>>(
      context, {.grid = dim3(static_cast<unsigned>(packing.sequences()), parts), .block = backward_threads}, args,
      indices(context, packing.offsets), packing.steps(), dscores);
}

template void history_attention_forward(ThisDevice, Context&, const HistoryAttentionForward<float>&);
template void history_attention_forward(ThisDevice, Context&, const HistoryAttentionForward<double>&);
template void history_attention_backward(ThisDevice, Context&, const HistoryAttentionBackward<float>&);
template void history_attention_backward(ThisDevice, Context&, const HistoryAttentionBackward<double>&);

}  // namespace ethreed
