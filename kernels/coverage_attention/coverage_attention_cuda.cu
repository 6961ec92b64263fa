// A row is one block, whose first warp goes through the steps of the softmax; a row may also be several blocks, each of
// which does that for itself and then a share of the matrix products. Keys, values and queries are read through L1,
// where the rows that a block reads again and again stay; shared memory holds what the steps work on, so that a step
// waits for no global memory.
#include "kernels/common/launch.h"
#include "kernels/common/math.h"
#include "kernels/common/row_products.h"
#include "kernels/coverage_attention/coverage_attention.h"

#include <algorithm>
#include <limits>

namespace ethreed {

namespace {

constexpr int threads = 512;
constexpr int outputs_at_once = 4;  // rows of a matrix product that share the loads of its terms

// Rows that need more shared memory than this, or than the device has, work in global memory.
constexpr std::size_t most_shared_bytes = std::size_t{96} << 10;

/// The RowLayout on the device. That of the arguments is the host's, of no use to a kernel.
struct Offsets {
  const std::int32_t* source;
  const std::int32_t* target;
  const std::int64_t* weight;
};

/// One row of the layout: its sizes, and where it begins in arrays [Mtok, …], [Stok, …] and in ragged ones.
struct Row {
  int targets, sources;
  std::int64_t target, source, weight;
};

__device__ Row row_of(const Offsets& offsets, int r) {
  return {offsets.target[r + 1] - offsets.target[r], offsets.source[r + 1] - offsets.source[r], offsets.target[r],
          offsets.source[r], offsets.weight[r]};
}

/// use(i, j, a_i·b_j) once for each pair of a row of a [a_count, columns] and one of b [b_count, columns]. A warp has
/// every n-th tile of 2 x 4 pairs, n the number of warps. All threads of the block must call.
template <class T, class Use>
__device__ void pairwise_dots(const T* a, int a_count, const T* b, int b_count, int columns, Use use) {
  constexpr int I = 2, J = 4, lanes_per_pair = warp_size / (I * J);
  const int lane = lane_index(), pair = lane / lanes_per_pair;
  const int tiles_across = (b_count + J - 1) / J, tiles = (a_count + I - 1) / I * tiles_across;
  for (int tile = warp_index(); tile < tiles; tile += threads / warp_size) {
    const int i0 = tile / tiles_across * I, j0 = tile % tiles_across * J;
    const T* a_rows[I];
    const T* b_rows[J];
    for (int i = 0; i < I; ++i) a_rows[i] = a + std::int64_t{i0 + i < a_count ? i0 + i : i0} * columns;
    for (int j = 0; j < J; ++j) b_rows[j] = b + std::int64_t{j0 + j < b_count ? j0 + j : j0} * columns;
    const T dot = tile_dots(a_rows, b_rows, columns);
    const int i = i0 + pair / J, j = j0 + pair % J;
    if (lane % lanes_per_pair == 0 && i < a_count && j < b_count) use(i, j, dot);
  }
}

/// (17)–(19) and (25) of all steps of a row, by one warp: lane l has source tokens l, l + 32, … to itself and sums over
/// tokens are warp_sum's. `scores` [M, S] comes in as query_i·keys_j; γ goes to `weights` (the same memory, or not)
/// and, with the other outputs, to the arguments' arrays if `report`. A loss is added up one step late, together with
/// the sum that the next step waits for anyway.
template <class T>
__device__ void steps_forward(const CoverageAttentionForward<T>& args, const Row& row, bool report, T* coverage,
                              const T* scores, T* weights) {
  const int lane = lane_index(), sources = row.sources;
  const T coverage_weight = *args.coverage_weight, bias = *args.bias;
  for (int j = lane; j < sources; j += warp_size)
    coverage[j] = args.coverage_initial != nullptr ? args.coverage_initial[row.source + j] : T{0};
  T loss{0};
  for (int i = 0; i < row.targets; ++i) {
    const int at = i * sources;
    const auto score_of = [=](int j) { return scores[at + j] + coverage_weight * coverage[j] + bias; };
    T sum{0}, most{0};  // tanh needs no maximum
    if (args.unbounded) {
      most = -std::numeric_limits<T>::infinity();
      for (int j = lane; j < sources; j += warp_size) {
        const T energy = score_of(j);
        most = energy > most || energy != energy ? energy : most;
      }
      most = warp_max(most);
    }
    for (int j = lane; j < sources; j += warp_size) {
      const T score = score_of(j);
      const T energy = args.unbounded ? score : math::tanh(score);
      const T exponential = math::exp(energy - most);
      const T weight = args.unbounded && exponential < static_cast<T>(coverage_least_exponential)
                           ? static_cast<T>(coverage_least_exponential)
                           : exponential;
      if (report) args.energy[row.weight + at + j] = energy;
      weights[at + j] = weight;
      sum += weight;
    }
    sum = warp_sum(sum);
    loss = warp_sum(loss);
    if (report && lane == 0 && i > 0) args.coverage_loss[row.target + i - 1] = loss;
    loss = T{0};
    for (int j = lane; j < sources; j += warp_size) {
      const T weight = weights[at + j] / sum;
      weights[at + j] = weight;
      if (report) args.weights[row.weight + at + j] = weight;
      loss += coverage[j] < weight ? coverage[j] : weight;
      coverage[j] += weight;
    }
  }
  loss = warp_sum(loss);
  if (report && lane == 0 && row.targets > 0) args.coverage_loss[row.target + row.targets - 1] = loss;
}

/// A block is one row, blockIdx.x, or one of gridDim.y blocks of it. Shared memory, [M, S] and [S]: scores that turn
/// into weights, coverage. Not in_shared: the coverage is in `outside` [Stok] instead, and the others in the arrays
/// that are written (then gridDim.y must be 1). (Two kernels, because an access through a pointer that may point to
/// either memory asks first which it is.)
template <class T, bool in_shared>
__global__ void __launch_bounds__(threads, 1)
    coverage_attention_forward_kernel(CoverageAttentionForward<T> args, Offsets offsets, T* outside) {
  const Row row = row_of(offsets, block_index());
  const int d = args.query_columns, c = args.value_columns, sources = row.sources;
  const int part = static_cast<int>(blockIdx.y), parts = static_cast<int>(gridDim.y);
  T* const weights = in_shared ? dynamic_shared<T>() : args.weights + row.weight;
  T* const scores = in_shared ? weights : args.energy + row.weight;
  T* const coverage = in_shared ? weights + row.targets * sources : outside + row.source;
  pairwise_dots(args.query + row.target * d, row.targets, args.keys + row.source * d, sources, d,
                [=](int i, int j, T score) { scores[i * sources + j] = score; });
  __syncthreads();
  if (threadIdx.x < warp_size) steps_forward(args, row, part == 0, coverage, static_cast<const T*>(scores), weights);
  __syncthreads();
  weighted_sums<outputs_at_once, T>(
      {part * threads + thread_index(), parts * threads}, row.targets, c, EveryTerm{{0, sources}},
      [=](int i, int j) { return weights[i * sources + j]; }, [=](int j) { return args.values + (row.source + j) * c; },
      [=](int i) { return GradientSink<T>{args.context + (row.target + i) * c}; });
}

/// What the steps backward of a row work on. `dz` holds dcontext_i·values_j + dweights_ij before and dz after them.
template <class T> struct RowState {
  const T* weights;  // [M, S]
  const T* energy;   // [M, S]
  T* coverage;       // [M, S] cov_ij
  T* dz;             // [M, S]
  T* later;          // [S] Σ_{i' > i} dcov_{i'j}, the reverse cumulative sum
};

/// cov_ij from the weights, in the forward's order, and `later` of the last step; lanes have tokens as in the forward.
template <class T>
__device__ void sum_coverage(const CoverageAttentionForward<T>& f, const Row& row, const RowState<T>& state) {
  for (int j = lane_index(); j < row.sources; j += warp_size) {
    T sum = f.coverage_initial != nullptr ? f.coverage_initial[row.source + j] : T{0};
    for (int i = 0; i < row.targets; ++i) {
      state.coverage[i * row.sources + j] = sum;
      sum += state.weights[i * row.sources + j];
    }
    state.later[j] = T{0};
  }
}

/// dz of a row from its last step to its first, and the row's parts of dw_r and db_a (which may be absent), by one warp
/// as in the forward. The minimum of (25) passes its gradient to the smaller argument; a tie counts as the weight.
template <class T>
__device__ void steps_backward(const CoverageAttentionBackward<T>& args, const Row& row, const RowState<T>& state,
                               T* parameter_parts) {
  const int lane = lane_index(), sources = row.sources;
  const T coverage_weight = *args.forward.coverage_weight;
  sum_coverage(args.forward, row, state);
  T coverage_weight_part{0}, bias_part{0};
  for (int i = row.targets - 1; i >= 0; --i) {
    const int at = i * sources;
    const T dloss = args.dcoverage_loss[row.target + i];
    T mean{0};
    for (int j = lane; j < sources; j += warp_size) {
      const T weight = state.weights[at + j];
      const T dweight = state.dz[at + j] + (state.later[j] + (weight <= state.coverage[at + j] ? dloss : T{0}));
      state.dz[at + j] = dweight;
      mean += weight * dweight;
    }
    mean = warp_sum(mean);
    for (int j = lane; j < sources; j += warp_size) {
      const T weight = state.weights[at + j], energy = state.energy[at + j], coverage = state.coverage[at + j];
      const T dz = weight * (state.dz[at + j] - mean) * (args.forward.unbounded ? T{1} : T{1} - energy * energy);
      state.dz[at + j] = dz;
      state.later[j] += coverage_weight * dz + (weight <= coverage ? T{0} : dloss);
      coverage_weight_part += dz * coverage;
      bias_part += dz;
    }
  }
  coverage_weight_part = warp_sum(coverage_weight_part);
  bias_part = warp_sum(bias_part);
  if (parameter_parts == nullptr || lane != 0) return;
  parameter_parts[0] = coverage_weight_part;
  parameter_parts[1] = bias_part;
}

/// The state of a row in shared memory, weights and energy copied there; or in `outside` [2·P + Stok] and in the
/// forward's arrays.
template <bool in_shared, class T>
__device__ RowState<T> row_state(const CoverageAttentionForward<T>& f, const Row& row, std::int64_t pairs, T* outside) {
  const T *weights = f.weights + row.weight, *energy = f.energy + row.weight;
  if constexpr (in_shared) {
    const int count = row.targets * row.sources;
    T* memory = dynamic_shared<T>();
    for (int p = thread_index(); p < count; p += threads) {
      memory[p] = weights[p];
      memory[count + p] = energy[p];
    }
    return {memory, memory + count, memory + 2 * count, memory + 3 * count, memory + 4 * count};
  } else {
    return {weights, energy, outside + row.weight, outside + pairs + row.weight, outside + 2 * pairs + row.source};
  }
}

/// dquery_i = Σ_j dz_ij keys_j and dkeys_j = Σ_i dz_ij query_i: this thread's share. (Lambdas capture pointers, not the
/// arguments: out of a copy of those nvcc cannot tell that they point to global memory.)
template <class T>
__device__ void products_backward(const CoverageAttentionBackward<T>& args, const Row& row, const T* dz, Share share) {
  const CoverageAttentionForward<T>& f = args.forward;
  const int d = f.query_columns, sources = row.sources, targets = row.targets;
  const T *const keys = f.keys + row.source * d, *const query = f.query + row.target * d;
  const GradientSink<T> dquery = args.dquery, dkeys = args.dkeys;
  const std::int64_t target = row.target, source = row.source;
  if (dquery)
    weighted_sums<outputs_at_once, T>(
        share, targets, d, EveryTerm{{0, sources}}, [=](int i, int j) { return dz[i * sources + j]; },
        [=](int j) { return keys + std::int64_t{j} * d; }, [=](int i) { return sink_row(dquery, target + i, d); });
  if (dkeys)
    weighted_sums<outputs_at_once, T>(
        share, sources, d, EveryTerm{{0, targets}}, [=](int j, int i) { return dz[i * sources + j]; },
        [=](int i) { return query + std::int64_t{i} * d; }, [=](int j) { return sink_row(dkeys, source + j, d); });
}

/// dvalues_j = Σ_i γ_ij dcontext_i: this thread's share.
template <class T>
__device__ void values_backward(const CoverageAttentionBackward<T>& args, const Row& row, const T* weights,
                                Share share) {
  const int c = args.forward.value_columns, sources = row.sources, targets = row.targets;
  const T* const dcontext = args.dcontext + row.target * c;
  const GradientSink<T> dvalues = args.dvalues;
  const std::int64_t source = row.source;
  weighted_sums<outputs_at_once, T>(
      share, sources, c, EveryTerm{{0, targets}}, [=](int j, int i) { return weights[i * sources + j]; },
      [=](int i) { return dcontext + std::int64_t{i} * c; }, [=](int j) { return sink_row(dvalues, source + j, c); });
}

/// A block is one row, or one of gridDim.y blocks of it, as in the forward. While the first warp goes through the steps
/// the others compute dvalues, which need no dz.
template <class T, bool in_shared>
__global__ void __launch_bounds__(threads, 1)
    coverage_attention_backward_kernel(CoverageAttentionBackward<T> args, Offsets offsets, std::int64_t pairs,
                                       T* parameter_parts, T* outside) {
  const CoverageAttentionForward<T>& f = args.forward;
  const int r = block_index(), thread = thread_index();
  const int part = static_cast<int>(blockIdx.y), parts = static_cast<int>(gridDim.y);
  const Row row = row_of(offsets, r);
  const int c = f.value_columns, sources = row.sources;
  const RowState<T> state = row_state<in_shared>(f, row, pairs, outside);
  const bool energies = args.dquery || args.dkeys || args.dcoverage_weight || args.dbias;

  if (energies)
    pairwise_dots(args.dcontext + row.target * c, row.targets, f.values + row.source * c, sources, c,
                  [=](int i, int j, T dot) {
                    const int at = i * sources + j;
                    state.dz[at] = args.dweights[row.weight + at] + dot;
                  });
  __syncthreads();
  if (thread < warp_size && energies)
    steps_backward(args, row, state, part == 0 ? parameter_parts + 2 * std::int64_t{r} : nullptr);
  constexpr int others = threads - warp_size;
  if (thread >= warp_size && args.dvalues)
    values_backward(args, row, state.weights, {part * others + thread - warp_size, parts * others});
  __syncthreads();
  products_backward(args, row, static_cast<const T*>(state.dz), {part * threads + thread, parts * threads});
}

/// dw_r and db_a from the rows' parts [rows, 2], by a warp each: lane l adds rows l, l + 32, …, warp_sum the lanes.
template <class T>
__global__ void coverage_attention_parameters_kernel(const T* parts, int rows, GradientSink<T> dcoverage_weight,
                                                     GradientSink<T> dbias) {
  const int warp = warp_index(), lane = lane_index();
  const GradientSink<T> sink = warp == 0 ? dcoverage_weight : dbias;
  T sum{0};
  if (sink)
    for (int r = lane; r < rows; r += warp_size) sum += parts[2 * r + warp];
  sum = warp_sum(sum);
  if (lane == 0 && sink) put(sink, 0, sum);
}

/// How a launch is made: with the work of every row in shared memory and several blocks a row, or without and one.
struct Plan {
  bool in_shared;
  LaunchShape shape;
};

/// `matrices` arrays [M, S] and one [S] of this type for each row.
template <class T> Plan plan_of(const Context& context, const RowLayout& layout, int matrices) {
  std::int64_t elements = 0;
  for (int r = 0; r < layout.rows(); ++r)
    elements = std::max(elements, matrices * (layout.weight(r + 1) - layout.weight(r)) + layout.source_count(r));
  const std::size_t bytes = bytes_of<T>(elements);
  const bool fits = bytes <= std::min(most_shared_bytes, context.runtime->shared_bytes_per_block());
  const unsigned parts = fits ? blocks_for_each(*context.runtime, layout.rows()) : 1;
  return {
      fits,
      {.grid = dim3(static_cast<unsigned>(layout.rows()), parts), .block = threads, .shared_bytes = fits ? bytes : 0}};
}

Offsets on_device(Context& context, const RowLayout& layout) {
  return {indices(context, layout.source_offsets), indices(context, layout.target_offsets),
          indices(context, layout.weight_offsets)};
}

}  // namespace

template <class T>
void coverage_attention_forward(ThisDevice, Context& context, const CoverageAttentionForward<T>& args) {
  const RowLayout& layout = args.layout;
  if (layout.targets() == 0) return;
  const Plan plan = plan_of<T>(context, layout, 1);
  ArenaScope scratch(context.scratch);
  T* outside = plan.in_shared ? nullptr : scratch.allocate<T>(layout.sources());
  const Offsets offsets = on_device(context, layout);
  if (plan.in_shared)
    launch<coverage_attention_forward_kernel<T, true>>(context, plan.shape, args, offsets, outside);
  else
    launch<coverage_attention_forward_kernel<T, false>>(context, plan.shape, args, offsets, outside);
}

template <class T>
void coverage_attention_backward(ThisDevice, Context& context, const CoverageAttentionBackward<T>& args) {
  const RowLayout& layout = args.forward.layout;
  const int rows = layout.rows();
  const std::int64_t pairs = layout.weights();
  const bool parameters = args.dcoverage_weight || args.dbias;
  ArenaScope scratch(context.scratch);
  const Plan plan = plan_of<T>(context, layout, 4);
  T* parts = scratch.allocate<T>(2 * std::int64_t{rows} + (plan.in_shared ? 0 : 2 * pairs + layout.sources()));
  T* outside = plan.in_shared ? nullptr : parts + 2 * std::int64_t{rows};
  if (rows > 0 && (parameters || args.dquery || args.dkeys || args.dvalues)) {
    const Offsets offsets = on_device(context, layout);
    if (plan.in_shared)
      launch<coverage_attention_backward_kernel<T, true>>(context, plan.shape, args, offsets, pairs, parts, outside);
    else
      launch<coverage_attention_backward_kernel<T, false>>(context, plan.shape, args, offsets, pairs, parts, outside);
  }
  if (parameters)
    launch<coverage_attention_parameters_kernel<T>>(context, {.grid = 1, .block = 2 * warp_size}, parts, rows,
                                                    args.dcoverage_weight, args.dbias);
}

template void coverage_attention_forward(ThisDevice, Context&, const CoverageAttentionForward<float>&);
template void coverage_attention_forward(ThisDevice, Context&, const CoverageAttentionForward<double>&);
template void coverage_attention_backward(ThisDevice, Context&, const CoverageAttentionBackward<float>&);
template void coverage_attention_backward(ThisDevice, Context&, const CoverageAttentionBackward<double>&);

}  // namespace ethreed
