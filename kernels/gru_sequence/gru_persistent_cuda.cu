// gru_sequence in one cooperative launch: the recurrent weights of all lanes stay in shared memory, distributed over
// the blocks (see GruGrid), states and gates' gradients go through global memory, and one grid_barrier() parts two
// steps.
#include "kernels/gru_sequence/gru_device.h"
#include "kernels/gru_sequence/gru_route.h"

namespace ethreed {
inline namespace ETHREED_DEVICE_BUILD {

namespace {

// Of a block. A double takes two registers, and a block has 65536.
template <class T> constexpr int threads = sizeof(T) > 4 ? 256 : 512;
template <class T> constexpr int warps = threads<T> / warp_size;
constexpr int forward_rows = 6;   // of weights that a thread multiplies at a time: two units' gates
constexpr int backward_rows = 2;  // two units

// The arguments of both kernels other than their lanes.
struct Plan {
  const std::int32_t* offsets;    // of the packing, on the device
  const std::int32_t* input_row;  // on the device, or null
  int steps, hidden;
  GruGrid grid;
};

// What a block owns, and its shared memory.
template <class T> struct Slice {
  int lane;
  int first, units;  // its units are first … first + units − 1 of the lane
  T* weights;        // [grid.rows, pitch], rows of units that do not exist are zeros
  T* inputs;         // [tile, pitch] a row of every sequence
  T* partials;       // [grid.rows, tile, gru_slices]
};

template <class T> __device__ Slice<T> own_slice(const Plan& plan) {
  const GruGrid& grid = plan.grid;
  const int block = block_index();
  const int first = block % grid.blocks * grid.units, left = plan.hidden - first;
  T* memory = dynamic_shared<T>();
  T* inputs = memory + grid.rows * grid.pitch;
  return {block / grid.blocks,
          first,
          left < grid.units ? left : grid.units,
          memory,
          inputs,
          inputs + grid.tile * grid.pitch};
}

// A row of `columns` from global to shared memory, by the lanes of a warp; zeros for null, and up to the pitch.
template <class T> __device__ void stage_row(T* to, const T* from, int columns, int pitch, int lane) {
  if (rows_are_vectors(columns)) {
    for (int k = 4 * lane; k < pitch; k += 4 * warp_size)
      store4(to + k, from != nullptr ? load4(from + k) : Vector4<T>{});
  } else {
    for (int k = lane; k < pitch; k += warp_size) to[k] = from != nullptr && k < columns ? from[k] : T{0};
  }
}

/// partials[row, s, slice] = this slice's part of weights[row] · inputs[s] for s < count, every row of the block. Slice
/// q has the vectors q, q + 8, q + 16, … of four elements, added in this order. A thread is one slice of Rows rows
/// times two sequences; the slices of a dot product are neighbours, so that eight threads read 8 vectors that stand
/// side by side, and sequences follow, so that a warp reads the same weights.
template <class T, int Rows> __device__ void multiply(const Slice<T>& slice, const GruGrid& grid, int count) {
  const int q = thread_index() % gru_slices, half = (count + 1) / 2, items = grid.rows / Rows * half;
  for (int item = thread_index() / gru_slices; item < items; item += threads<T> / gru_slices) {
    const int row = item / half * Rows, s = item % half;
    const bool second = s + half < count;
    const T* weights = slice.weights + row * grid.pitch;
    const T* a = slice.inputs + s * grid.pitch;
    const T* b = second ? a + half * grid.pitch : a;
    T sum_a[Rows] = {}, sum_b[Rows] = {};
    for (int k = 4 * q; k < grid.pitch; k += 4 * gru_slices) {
      const Vector4<T> x = load4(a + k), y = load4(b + k);
      for (int r = 0; r < Rows; ++r) {
        const Vector4<T> w = load4(weights + r * grid.pitch + k);
        sum_a[r] += w.x * x.x;
        sum_b[r] += w.x * y.x;
        sum_a[r] += w.y * x.y;
        sum_b[r] += w.y * y.y;
        sum_a[r] += w.z * x.z;
        sum_b[r] += w.z * y.z;
        sum_a[r] += w.w * x.w;
        sum_b[r] += w.w * y.w;
      }
    }
    for (int r = 0; r < Rows; ++r) {
      T* to = slice.partials + ((row + r) * grid.tile + s) * gru_slices + q;
      to[0] = sum_a[r];
      if (second) to[half * gru_slices] = sum_b[r];
    }
  }
}

/// A dot product out of its slices, added pairwise.
template <class T> __device__ T product(const Slice<T>& slice, const GruGrid& grid, int row, int s) {
  const T* from = slice.partials + (row * grid.tile + s) * gru_slices;
  const Vector4<T> a = load4(from), b = load4(from + 4);
  return ((a.x + a.y) + (a.z + a.w)) + ((b.x + b.y) + (b.z + b.w));
}

__device__ inline GruStep step_of(const Plan& plan, bool reverse, int k) {
  return gru_step(plan.offsets, plan.steps, reverse, k);
}

// --- forward --------------------------------------------------------------------------------------------------------

// (Chosen between, not indexed: an index unknown to the compiler would put a copy of the arguments into local memory.)
template <class T> struct ForwardLanes { GruLaneForward<T> first, second; };

// Row 3u + gate is that of the block's unit u.
template <class T> __device__ void keep_weights(const T* weight_hh, const Slice<T>& slice, const Plan& plan) {
  const int warp = warp_index(), lane = lane_index();
  for (int row = warp; row < plan.grid.rows; row += warps<T>) {
    const int unit = row / 3, gate = row % 3;
    const T* from = unit < slice.units
                        ? weight_hh + (std::int64_t{gate} * plan.hidden + slice.first + unit) * plan.hidden
                        : nullptr;
    stage_row(slice.weights + row * plan.grid.pitch, from, plan.hidden, plan.grid.pitch, lane);
  }
}

// What a cell reads that no step before has computed: it is read before the barrier.
template <class T> struct CellInput {
  T x[3];
  T mask;
};

// Of the pair-th (sequence, unit) of the block, sequences counted from `begin`; anything if there are fewer.
template <class T>
__device__ CellInput<T> cell_input(const GruLaneForward<T>& lane, const Slice<T>& slice, const Plan& plan,
                                   const GruStep& step, int begin, int pair) {
  const int hidden = plan.hidden;
  const int s = begin + pair / slice.units, unit = slice.first + pair % slice.units;
  if (s >= step.alive) return {};
  const std::int64_t row = step.first + s;
  const T* x = lane.input_gates + gru_input_of(plan.input_row, row) * 3 * hidden + unit;
  return {{x[0], x[hidden], x[2 * hidden]}, lane.state_mask != nullptr ? lane.state_mask[row * hidden + unit] : T{1}};
}

// The cells of `count` sequences from `begin` on; `prefetched` is the input of this thread's first one.
template <class T>
__device__ void forward_cells(const GruLaneForward<T>& lane, const Slice<T>& slice, const Plan& plan,
                              const GruStep& step, int begin, int count, const CellInput<T>& prefetched) {
  const int hidden = plan.hidden;
  for (int pair = thread_index(); pair < count * slice.units; pair += threads<T>) {
    const int s = pair / slice.units, u = pair % slice.units, unit = slice.first + u;
    const bool first = begin == 0 && pair == thread_index();
    const CellInput<T> in = first ? prefetched : cell_input(lane, slice, plan, step, begin, pair);
    T recurrent[3];
    for (int gate = 0; gate < 3; ++gate)
      recurrent[gate] = product(slice, plan.grid, 3 * u + gate, s) + lane.bias_hh[gate * hidden + unit];
    const GruGates<T> gates = gru_gates(in.x[0], in.x[1], in.x[2], recurrent[0], recurrent[1], recurrent[2]);
    const std::int64_t row = step.first + begin + s;
    lane.h[row * hidden + unit] = gru_state(gates, slice.inputs[s * plan.grid.pitch + unit]) * in.mask;
    if (lane.saved == nullptr) continue;
    T* saved = lane.saved + row * 4 * hidden + unit;
    saved[0] = gates.r;
    saved[hidden] = gates.z;
    saved[2 * hidden] = gates.n;
    saved[3 * hidden] = gates.m;
  }
}

/// All steps of all lanes. A block owns a slice of one lane's units: at every step it stages all previous states, a
/// tile of sequences at a time, multiplies them by its weights (see multiply() for the order), and computes its cells,
/// one thread a (sequence, unit), units fastest.
template <class T>
__global__ void __launch_bounds__(threads<T>, 1) gru_persistent_forward_kernel(ForwardLanes<T> lanes, Plan plan) {
  const Slice<T> slice = own_slice<T>(plan);
  const GruLaneForward<T> lane = slice.lane == 0 ? lanes.first : lanes.second;
  const int thread = thread_index(), hidden = plan.hidden;
  keep_weights(lane.weight_hh, slice, plan);
  GruStep step = step_of(plan, lane.reverse, 0);
  CellInput<T> prefetched = cell_input(lane, slice, plan, step, 0, thread);
  for (int k = 0;;) {
    for (int begin = 0; begin < step.alive; begin += plan.grid.tile) {
      const int left = step.alive - begin, count = left < plan.grid.tile ? left : plan.grid.tile;
      __syncthreads();  // the cells of the tile before have read its states
      for (int s = thread / warp_size; s < count; s += warps<T>)
        stage_row(slice.inputs + s * plan.grid.pitch, gru_previous(lane, step, begin + s, hidden), hidden,
                  plan.grid.pitch, thread % warp_size);
      __syncthreads();
      multiply<T, forward_rows>(slice, plan.grid, count);
      __syncthreads();
      forward_cells(lane, slice, plan, step, begin, count, prefetched);
    }
    if (++k == plan.steps) return;
    step = step_of(plan, lane.reverse, k);
    prefetched = cell_input(lane, slice, plan, step, 0, thread);
    grid_barrier();
  }
}

// --- backward -------------------------------------------------------------------------------------------------------

template <class T> struct BackwardLane {
  GruLaneForward<T> forward;
  const T* dh;
  GradientSink<T> dinitial, dbias_hh;
  GruWorkspace<T> work;
};
template <class T> struct BackwardLanes {
  BackwardLane<T> first, second;
  bool last_barrier;  // one of them is asked for dinitial: the matrix product of step 0 is wanted too
};

// Row u is the column of W_hh that belongs to the block's unit u, [3H].
template <class T> __device__ void keep_columns(const T* weight_hh, const Slice<T>& slice, const Plan& plan) {
  const int units = plan.grid.units, pitch = plan.grid.pitch, gates = 3 * plan.hidden;
  for (int i = thread_index(); i < units * pitch; i += threads<T>) {
    const int g = i / units, u = i % units;
    const bool exists = g < gates && u < slice.units;
    slice.weights[u * pitch + g] = exists ? weight_hh[std::int64_t{g} * plan.hidden + slice.first + u] : T{0};
  }
}

// What a cell's backward reads that no step has computed here.
template <class T> struct CellSaved {
  GruGates<T> gates;
  T previous, dh, mask;
};

template <class T>
__device__ CellSaved<T> cell_saved(const BackwardLane<T>& lane, const Slice<T>& slice, const GruStep& step, int hidden,
                                   int pair) {
  const int s = pair / slice.units, unit = slice.first + pair % slice.units;
  if (s >= step.alive) return {};
  const std::int64_t row = step.first + s;
  const T* saved = lane.forward.saved + row * 4 * hidden + unit;
  const T* previous = gru_previous(lane.forward, step, s, hidden);
  return {{saved[0], saved[hidden], saved[2 * hidden], saved[3 * hidden]},
          previous != nullptr ? previous[unit] : T{0},
          lane.dh[row * hidden + unit],
          lane.forward.state_mask != nullptr ? lane.forward.state_mask[row * hidden + unit] : T{1}};
}

// The gradients of the gates of one step, for the block's units; `arriving` as in the step route.
template <class T>
__device__ void backward_cells(const BackwardLane<T>& lane, const Slice<T>& slice, int hidden, const GruStep& step,
                               int arriving, const CellSaved<T>& prefetched) {
  const GruWorkspace<T>& work = lane.work;
  const GradientSink<T>& sink = work.gates;
  for (int pair = thread_index(); pair < step.alive * slice.units; pair += threads<T>) {
    const int s = pair / slice.units, unit = slice.first + pair % slice.units;
    const CellSaved<T> in = pair == thread_index() ? prefetched : cell_saved(lane, slice, step, hidden, pair);
    T& carry = work.carry[std::int64_t{s} * hidden + unit];
    const T d = ((s < arriving ? carry : T{0}) + in.dh) * in.mask;
    const GruCellGradients<T> cell = gru_cell_backward(in.gates, in.previous, d);
    carry = cell.previous;
    const std::int64_t row = step.first + s;
    T* recurrent = work.recurrent + row * 3 * hidden + unit;
    recurrent[0] = cell.da_r;
    recurrent[hidden] = cell.da_z;
    recurrent[2 * hidden] = cell.g_n;
    if (work.previous != nullptr) work.previous[row * hidden + unit] = in.previous;
    if (!sink) continue;
    const std::int64_t at = row * work.gates_step + unit;
    put(sink, at, cell.da_r);
    put(sink, at + hidden, cell.da_z);
    put(sink, at + 2 * hidden, cell.da_n);
  }
}

// dh⁻ = what is in `carry` + g·W_hh for the block's units: on to the step before, or to the initial state.
template <class T>
__device__ void backward_product(const BackwardLane<T>& lane, const Slice<T>& slice, const Plan& plan,
                                 const GruStep& step) {
  const int thread = thread_index(), hidden = plan.hidden;
  const GruWorkspace<T>& work = lane.work;
  const int asked = lane.dinitial ? step.alive : step.carried;
  for (int begin = 0; begin < asked; begin += plan.grid.tile) {
    const int left = asked - begin, count = left < plan.grid.tile ? left : plan.grid.tile;
    // (The tile before has been multiplied: its sums were read after a barrier.)
    for (int s = thread / warp_size; s < count; s += warps<T>)
      stage_row(slice.inputs + s * plan.grid.pitch, work.recurrent + (step.first + begin + s) * 3 * hidden, 3 * hidden,
                plan.grid.pitch, thread % warp_size);
    __syncthreads();
    multiply<T, backward_rows>(slice, plan.grid, count);
    __syncthreads();
    for (int pair = thread; pair < count * slice.units; pair += threads<T>) {
      const int s = begin + pair / slice.units, u = pair % slice.units;
      T& carry = work.carry[std::int64_t{s} * hidden + slice.first + u];
      const T gradient = carry + product(slice, plan.grid, u, s - begin);
      if (s < step.carried)
        carry = gradient;
      else
        put(lane.dinitial, std::int64_t{s} * hidden + slice.first + u, gradient);
    }
  }
}

// db_hh = Σ g over all rows, of the block's units: part p of a column adds rows p, p + parts, p + 2·parts, …; the parts
// are added from first to last. The memory of the weights is reused.
template <class T> __device__ void bias_gradient(const BackwardLane<T>& lane, const Slice<T>& slice, const Plan& plan) {
  const int thread = thread_index(), hidden = plan.hidden, rows = plan.offsets[plan.steps];
  const int columns = 3 * slice.units, width = columns < threads<T> ? columns : threads<T>;
  const int parts = threads<T> / width < hidden ? threads<T> / width : hidden;
  for (int begin = 0; begin < columns; begin += width) {
    const int c = begin + thread % width, part = thread / width;
    const std::int64_t column = std::int64_t{c / slice.units} * hidden + slice.first + c % slice.units;
    const bool works = part < parts && c < columns;
    T sum{0};
    for (int row = part; works && row < rows; row += parts) sum += lane.work.recurrent[row * 3 * hidden + column];
    __syncthreads();  // the columns before have been added; at first, the weights have been used
    if (works) slice.weights[part * width + thread % width] = sum;
    __syncthreads();
    if (part != 0 || c >= columns) continue;
    for (int other = 1; other < parts; ++other) sum += slice.weights[other * width + thread];
    put(lane.dbias_hh, column, sum);
  }
}

/// All steps of all lanes, last first. A block owns a slice of one lane's units: at every step it computes the
/// gradients of its gates, one thread a (sequence, unit), waits for those of the others, stages them, a tile of
/// sequences at a time, and multiplies them by its columns (see multiply() for the order). In the end it adds up db_hh.
template <class T>
__global__ void __launch_bounds__(threads<T>, 1) gru_persistent_backward_kernel(BackwardLanes<T> lanes, Plan plan) {
  const Slice<T> slice = own_slice<T>(plan);
  const BackwardLane<T> lane = slice.lane == 0 ? lanes.first : lanes.second;
  const bool reverse = lane.forward.reverse;
  const int thread = thread_index(), hidden = plan.hidden;
  keep_columns(lane.forward.weight_hh, slice, plan);
  int k = plan.steps - 1, arriving = 0;
  GruStep step = step_of(plan, reverse, k);
  CellSaved<T> prefetched = cell_saved(lane, slice, step, hidden, thread);
  for (;;) {
    backward_cells(lane, slice, hidden, step, arriving, prefetched);
    if (k == 0) break;
    const GruStep before = step_of(plan, reverse, --k);
    prefetched = cell_saved(lane, slice, before, hidden, thread);
    grid_barrier();
    backward_product(lane, slice, plan, step);
    __syncthreads();  // `carry` is complete
    arriving = step.carried;
    step = before;
  }
  if (lanes.last_barrier) {
    grid_barrier();
    backward_product(lane, slice, plan, step);
  }
  __syncthreads();
  if (lane.dbias_hh) bias_gradient(lane, slice, plan);
}

template <class T> Plan make_plan(Context& context, GruPass pass, const GruSequenceForward<T>& args) {
  const GruGrid grid = gru_grid(pass, args, gru_device(*context.runtime));
  ETHREED_ASSERT(grid && grid.rows % (pass == GruPass::forward ? forward_rows : backward_rows) == 0);
  return {indices(context, args.packing.offsets), args.input_row, args.packing.steps(), args.hidden, grid};
}

template <class T> LaunchShape shape_of(const Plan& plan, const GruSequenceForward<T>& args) {
  return {.grid = static_cast<unsigned>(plan.grid.blocks * args.lanes),
          .block = threads<T>,
          .shared_bytes = plan.grid.shared_bytes,
          .cooperative = true};
}

}  // namespace

template <class T> void gru_forward_persistent(Context& context, const GruSequenceForward<T>& args) {
  const ForwardLanes<T> lanes{args.lane[0], args.lane[1]};
  const Plan plan = make_plan(context, GruPass::forward, args);
  launch<gru_persistent_forward_kernel<T>>(context, shape_of(plan, args), lanes, plan);
}

template <class T>
void gru_backward_persistent(Context& context, const GruSequenceBackward<T>& args, const GruWorkspaces<T>& work) {
  const auto lane = [&](std::size_t l) {
    const GruLaneBackward<T>& back = args.lane[l];
    return BackwardLane<T>{args.forward.lane[l], back.dh, back.dinitial, back.dbias_hh, work[l]};
  };
  const BackwardLanes<T> lanes{lane(0), lane(1), args.lane[0].dinitial || args.lane[1].dinitial};
  const Plan plan = make_plan(context, GruPass::backward, args.forward);
  launch<gru_persistent_backward_kernel<T>>(context, shape_of(plan, args.forward), lanes, plan);
}

template void gru_forward_persistent(Context&, const GruSequenceForward<float>&);
template void gru_forward_persistent(Context&, const GruSequenceForward<double>&);
template void gru_backward_persistent(Context&, const GruSequenceBackward<float>&, const GruWorkspaces<float>&);
template void gru_backward_persistent(Context&, const GruSequenceBackward<double>&, const GruWorkspaces<double>&);

}  // namespace ETHREED_DEVICE_BUILD
}  // namespace ethreed
