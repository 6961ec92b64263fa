// gru_sequence step by step: at every step one GEMM h⁻·W_hhᵀ and one kernel for the cells; backward one kernel for
// the cells and one GEMM that adds to the gradient by h⁻. Lanes run on a stream each.
#include "kernels/gemm/gemm.h"
#include "kernels/gru_sequence/gru_device.h"

namespace ethreed {
inline namespace ETHREED_DEVICE_BUILD {

namespace {

constexpr int threads = 128;  // small blocks: a step has few rows, and they should reach all multiprocessors

// --- W units at a time, W = 4 (rows of vectors) or 1 ----------------------------------------------------------------

template <class T, int W> struct Units { T value[W]; };

template <int W, class T> __device__ Units<T, W> read(const T* p) {
  if constexpr (W == 4) {
    const Vector4<T> v = load4(p);
    return {v.x, v.y, v.z, v.w};
  } else {
    return {*p};
  }
}
/// Zeros if p is null.
template <int W, class T> __device__ Units<T, W> read_or_zero(const T* p) {
  return p != nullptr ? read<W>(p) : Units<T, W>{};
}
template <int W, class T> __device__ void write(T* p, const Units<T, W>& v) {
  if constexpr (W == 4)
    store4(p, {v.value[0], v.value[1], v.value[2], v.value[3]});
  else
    *p = v.value[0];
}
template <int W, class T> __device__ void put_units(const GradientSink<T>& sink, std::int64_t at, Units<T, W> v) {
  if (sink.accumulate) {
    const Units<T, W> old = read<W>(sink.data + at);
    for (int w = 0; w < W; ++w) v.value[w] += old.value[w];
  }
  write(sink.data + at, v);
}

/// Where a thread works: its sequence and the first of its W units.
struct Place {
  int sequence, unit;
};
template <int W> __device__ Place place(int hidden) {
  const int i = index_in_grid(), a_row = hidden / W;
  return {i / a_row, i % a_row * W};
}

// --- forward --------------------------------------------------------------------------------------------------------

/// One step of one lane; product [alive, 3H] is h⁻·W_hhᵀ of the sequences that have a previous state, 0 for the others.
/// A thread is W units of one sequence.
template <class T, int W>
__global__ void gru_step_forward_kernel(GruLaneForward<T> lane, const std::int32_t* input_row, GruStep step, int hidden,
                                        const T* product) {
  const Place at = place<W>(hidden);
  if (at.sequence >= step.alive) return;
  const std::int64_t row = step.first + at.sequence;
  const T* x = lane.input_gates + gru_input_of(input_row, row) * 3 * hidden + at.unit;
  const T* before = gru_previous(lane, step, at.sequence, hidden);
  const T* p = before != nullptr ? product + std::int64_t{at.sequence} * 3 * hidden + at.unit : nullptr;
  const auto previous = read_or_zero<W>(before != nullptr ? before + at.unit : nullptr);

  Units<T, W> input[3], recurrent[3], out[4], h;
  for (int gate = 0; gate < 3; ++gate) {
    input[gate] = read<W>(x + gate * hidden);
    recurrent[gate] = read_or_zero<W>(p != nullptr ? p + gate * hidden : nullptr);
    const auto bias = read<W>(lane.bias_hh + gate * hidden + at.unit);
    for (int w = 0; w < W; ++w) recurrent[gate].value[w] += bias.value[w];
  }
  for (int w = 0; w < W; ++w) {
    const GruGates<T> gates = gru_gates(input[0].value[w], input[1].value[w], input[2].value[w], recurrent[0].value[w],
                                        recurrent[1].value[w], recurrent[2].value[w]);
    out[0].value[w] = gates.r;
    out[1].value[w] = gates.z;
    out[2].value[w] = gates.n;
    out[3].value[w] = gates.m;
    h.value[w] = gru_state(gates, previous.value[w]);
  }
  if (lane.state_mask != nullptr) {
    const auto mask = read<W>(lane.state_mask + row * hidden + at.unit);
    for (int w = 0; w < W; ++w) h.value[w] *= mask.value[w];
  }
  write(lane.h + row * hidden + at.unit, h);
  if (lane.saved == nullptr) return;
  for (int gate = 0; gate < 4; ++gate) write(lane.saved + (row * 4 + gate) * hidden + at.unit, out[gate]);
}

/// One thread for W units of every sequence.
template <int W> LaunchShape cells(int sequences, int hidden, int stream) {
  const std::int64_t count = std::int64_t{sequences} * (hidden / W);
  ETHREED_CHECK(count <= 0x7FFFFFFF, "gru_sequence: {} sequences of {} units: a step has at most {} threads", sequences,
                hidden, 0x7FFFFFFF);  // place() counts them in 32 bits
  return {.grid = blocks_for(count, threads), .block = threads, .stream = stream};
}

template <class T>
void step_forward(Context& context, const GruSequenceForward<T>& args, const GruLaneForward<T>& lane,
                  const GruStep& step, T* product, int stream) {
  const int hidden = args.hidden;
  const auto multiply = [&](const T* states, int from, int to) {
    gemm<T>(context, {.b_transposed = true,
                      .m = to - from,
                      .n = 3 * hidden,
                      .k = hidden,
                      .a = states,
                      .lda = hidden,
                      .b = lane.weight_hh,
                      .ldb = hidden,
                      .c = product + std::int64_t{from} * 3 * hidden,
                      .ldc = 3 * hidden,
                      .stream = stream});
  };
  multiply(lane.h + step.carried_first * hidden, 0, step.carried);
  if (lane.initial != nullptr) multiply(lane.initial + std::int64_t{step.carried} * hidden, step.carried, step.alive);
  if (rows_are_vectors(hidden))
    launch<gru_step_forward_kernel<T, 4>>(context, cells<4>(step.alive, hidden, stream), lane, args.input_row, step,
                                          hidden, product);
  else
    launch<gru_step_forward_kernel<T, 1>>(context, cells<1>(step.alive, hidden, stream), lane, args.input_row, step,
                                          hidden, product);
}

// --- backward -------------------------------------------------------------------------------------------------------

/// One step of one lane: g, the gates' gradients, h⁻, and in `carry` the direct part of the gradient by h⁻. Gradients
/// arrive from the step after for the first `arriving` sequences. A thread is W units of one sequence.
template <class T, int W>
__global__ void gru_step_backward_kernel(GruLaneForward<T> lane, const T* dh, GruStep step, int arriving, int hidden,
                                         GruWorkspace<T> work) {
  const Place at = place<W>(hidden);
  if (at.sequence >= step.alive) return;
  const std::int64_t row = step.first + at.sequence;
  const T* before = gru_previous(lane, step, at.sequence, hidden);
  const auto previous = read_or_zero<W>(before != nullptr ? before + at.unit : nullptr);
  T* carry_at = work.carry + std::int64_t{at.sequence} * hidden + at.unit;
  Units<T, W> carry = read_or_zero<W>(at.sequence < arriving ? carry_at : nullptr);
  const auto gradient = read<W>(dh + row * hidden + at.unit);
  for (int w = 0; w < W; ++w) carry.value[w] += gradient.value[w];
  if (lane.state_mask != nullptr) {
    const auto mask = read<W>(lane.state_mask + row * hidden + at.unit);
    for (int w = 0; w < W; ++w) carry.value[w] *= mask.value[w];
  }

  Units<T, W> gates[4], da[3], g_n;
  for (int gate = 0; gate < 4; ++gate) gates[gate] = read<W>(lane.saved + (row * 4 + gate) * hidden + at.unit);
  for (int w = 0; w < W; ++w) {
    const GruCellGradients<T> cell =
        gru_cell_backward(GruGates<T>{gates[0].value[w], gates[1].value[w], gates[2].value[w], gates[3].value[w]},
                          previous.value[w], carry.value[w]);
    da[0].value[w] = cell.da_r;
    da[1].value[w] = cell.da_z;
    da[2].value[w] = cell.da_n;
    g_n.value[w] = cell.g_n;
    carry.value[w] = cell.previous;
  }
  write(carry_at, carry);
  if (work.previous != nullptr) write(work.previous + row * hidden + at.unit, previous);
  for (int gate = 0; gate < 3; ++gate) {
    const int column = gate * hidden + at.unit;
    write(work.recurrent + row * 3 * hidden + column, gate < 2 ? da[gate] : g_n);
    if (work.gates) put_units(work.gates, row * work.gates_step + column, da[gate]);
  }
}

/// The whole of `from` to a gradient, one thread an element.
template <class T> __global__ void gru_put_kernel(const T* from, std::int64_t count, GradientSink<T> to) {
  const std::int64_t i = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i < count) put(to, i, from[i]);
}

template <class T>
void step_backward(Context& context, const GruSequenceBackward<T>& args, int l, int k, const GruWorkspace<T>& work) {
  const GruSequenceForward<T>& f = args.forward;
  const GruLaneForward<T>& lane = f.lane[l];
  const GruLaneBackward<T>& back = args.lane[l];
  const int hidden = f.hidden, steps = f.packing.steps();
  const std::int32_t* offsets = f.packing.offsets.data();
  const GruStep step = gru_step(offsets, steps, lane.reverse, k);
  const int arriving = k + 1 < steps ? gru_step(offsets, steps, lane.reverse, k + 1).carried : 0;
  if (rows_are_vectors(hidden))
    launch<gru_step_backward_kernel<T, 4>>(context, cells<4>(step.alive, hidden, l), lane, back.dh, step, arriving,
                                           hidden, work);
  else
    launch<gru_step_backward_kernel<T, 1>>(context, cells<1>(step.alive, hidden, l), lane, back.dh, step, arriving,
                                           hidden, work);
  // Over all that are alive, though of those that start here only dinitial needs it: a GEMM of fewer rows could
  // get another algorithm, and the others other bits.
  if (step.carried > 0 || back.dinitial)
    gemm<T>(context, {.m = step.alive,
                      .n = hidden,
                      .k = 3 * hidden,
                      .a = work.recurrent + step.first * 3 * hidden,
                      .lda = 3 * hidden,
                      .b = lane.weight_hh,
                      .ldb = hidden,
                      .c = work.carry,
                      .ldc = hidden,
                      .accumulate = true,
                      .stream = l});
}

}  // namespace

template <class T> void gru_forward_by_steps(Context& context, const GruSequenceForward<T>& args) {
  const int lanes = args.lanes;
  ArenaScope scratch(context.scratch);
  std::array<T*, gru_max_lanes> product{};
  for (int l = 0; l < lanes; ++l)
    product[l] = scratch.allocate<T>(std::int64_t{args.packing.sequences()} * 3 * args.hidden);
  if (lanes > 1) context.runtime->fork();
  for (int k = 0; k < args.packing.steps(); ++k)
    for (int l = 0; l < lanes; ++l) {
      const GruStep step = gru_step(args.packing.offsets.data(), args.packing.steps(), args.lane[l].reverse, k);
      step_forward(context, args, args.lane[l], step, product[l], l);
    }
  if (lanes > 1) context.runtime->join();
}

template <class T>
void gru_backward_by_steps(Context& context, const GruSequenceBackward<T>& args, const GruWorkspaces<T>& work) {
  const GruSequenceForward<T>& f = args.forward;
  const int lanes = f.lanes;
  if (lanes > 1) context.runtime->fork();
  for (int k = f.packing.steps() - 1; k >= 0; --k)
    for (int l = 0; l < lanes; ++l) step_backward(context, args, l, k, work[l]);
  // What a sequence left in `carry` where it started was not touched by the steps after: they had fewer sequences
  // alive.
  const std::int64_t states = std::int64_t{f.packing.sequences()} * f.hidden;
  for (int l = 0; l < lanes; ++l)
    if (args.lane[l].dinitial)
      launch<gru_put_kernel<T>>(context, {.grid = blocks_for(states, threads), .block = threads, .stream = l},
                                work[l].carry, states, args.lane[l].dinitial);
  if (lanes > 1) context.runtime->join();
}

template void gru_forward_by_steps(Context&, const GruSequenceForward<float>&);
template void gru_forward_by_steps(Context&, const GruSequenceForward<double>&);
template void gru_backward_by_steps(Context&, const GruSequenceBackward<float>&, const GruWorkspaces<float>&);
template void gru_backward_by_steps(Context&, const GruSequenceBackward<double>&, const GruWorkspaces<double>&);

}  // namespace ETHREED_DEVICE_BUILD
}  // namespace ethreed
