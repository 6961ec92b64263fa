#include "kernels/common/bias_gradient.h"
#include "kernels/common/math.h"
#include "kernels/gemm/gemm.h"
#include "kernels/gemm/packed_gemm.h"
#include "kernels/gru_sequence/gru_sequence.h"

#include <algorithm>

namespace ethreed {

namespace {

/// Runs body(begin, end) for parts of the hidden units: one, two or four, by the shape of the step alone. What a step
/// multiplies it uses at once in the same part, so a step costs one parallel region; a small one is not worth a second
/// thread, and of two lanes each has its own.
template <class T, class Body> void for_units(Context& context, int lanes, int hidden, int alive, Body&& body) {
  constexpr double part_flops = 2e6;  // some 10 µs
  constexpr int weight_flops = 20;    // as long as it takes to fetch a weight
  const double work = 3.0 * hidden * hidden * (2.0 * alive + weight_flops);
  const int step = packed_column_step<T>();
  const std::int64_t panels = (hidden + step - 1) / step;
  const std::int64_t wanted = lanes > 1 || work < 2 * part_flops ? 1 : work < 4 * part_flops ? 2 : 4;
  const std::int64_t parts = std::min(panels, wanted);
  context.pool.parallel_for(parts, [&](std::int64_t part) {
    const auto unit = [&](std::int64_t i) { return std::min(hidden, static_cast<int>(panels * i / parts) * step); };
    body(unit(part), unit(part + 1));
  });
}

// One step of the recurrence in packed rows. Of its `alive` sequences the first `carried` come from the step before it;
// the others start here. Alive sequences are a prefix at every time, so this holds in both directions: forward, all
// start at the first step; in reverse, a sequence joins at its own last token.
struct Step {
  std::int64_t first = 0;          // packed row of sequence 0
  std::int64_t carried_first = 0;  // packed row of sequence 0 at the step before
  int alive = 0;
  int carried = 0;
  // The backward keeps rows in an order of its own: step by step, first all that are carried on, behind them all that
  // start here. From nothing these have h⁻ = 0 and no part in dW_hh, which is then one GEMM over the others.
  std::int64_t carried_place = 0;
  std::int64_t starting_place = 0;

  std::int64_t place(int s) const { return s < carried ? carried_place + s : starting_place + (s - carried); }
};

Step step_at(const Packing& packing, bool reverse, int k) {
  const int t = reverse ? packing.steps() - 1 - k : k;
  Step step{.first = packing.offset(t),
            .alive = packing.alive(t),
            .starting_place = packing.rows() - std::int64_t{packing.sequences()}};
  if (k == 0) return step;
  const int before = reverse ? t + 1 : t - 1;
  step.carried_first = packing.offset(before);
  step.carried = std::min(packing.alive(t), packing.alive(before));
  if (reverse) {
    step.carried_place = packing.rows() - packing.offset(before + 1);
    step.starting_place += step.carried;
  } else {
    step.carried_place = packing.offset(t) - packing.sequences();
  }
  return step;
}

// --- forward -------------------------------------------------------------------------------------------------------

template <class T> struct ForwardWorkspace {
  T* weights = nullptr;  // three matrices [H, H], packed
  T* product = nullptr;  // [sequences, 3H] h⁻·W_hhᵀ of one step
  T* gates = nullptr;    // [sequences, 4H] gates that are not saved
  T* zeros = nullptr;    // [3H] the matrix product, and the state, of a sequence that starts from nothing
};

/// Some units of a row; arrays are given from the first of them on, gates are `width` apart.
template <class T>
void forward_row(int units, std::int64_t width, const T* __restrict x, const T* __restrict product,
                 const T* __restrict bias, const T* __restrict previous, T* __restrict gates, T* __restrict h) {
  const std::int64_t z_at = width;
  const std::int64_t n_at = 2 * width;
  const std::int64_t m_at = 3 * width;
  for (int j = 0; j < units; ++j) {
    const T r = math::sigmoid(x[j] + (product[j] + bias[j]));
    const T z = math::sigmoid(x[z_at + j] + (product[z_at + j] + bias[z_at + j]));
    const T m = product[n_at + j] + bias[n_at + j];
    const T n = math::tanh(x[n_at + j] + r * m);
    gates[j] = r;
    gates[z_at + j] = z;
    gates[n_at + j] = n;
    gates[m_at + j] = m;
    h[j] = n + z * (previous[j] - n);
  }
}

template <class T>
void forward_lane(Context& context, const GruSequenceForward<T>& args, const GruLaneForward<T>& lane,
                  const ForwardWorkspace<T>& work) {
  const int hidden = args.hidden;
  const std::int64_t width = hidden;
  std::array<PackedMatrix<T>, 3> weights;  // of r, z and n, so that units of all three can be multiplied together
  for (std::size_t gate = 0; gate < weights.size(); ++gate) {
    const auto i = static_cast<std::int64_t>(gate);
    weights[gate] = pack_matrix(context, lane.weight_hh + i * width * width, hidden, true, hidden, hidden,
                                work.weights + i * packed_elements<T>(hidden, hidden));
  }
  for (int k = 0; k < args.packing.steps(); ++k) {
    const Step step = step_at(args.packing, lane.reverse, k);
    const T* carried = lane.h + step.carried_first * width;
    T* gates = lane.saved != nullptr ? lane.saved + step.first * 4 * width : work.gates;
    for_units<T>(context, args.lanes, hidden, step.alive, [&](int begin, int end) {
      const auto multiply = [&](const T* states, int from, int to) {
        multiply_packed<T>({.m = to - from,
                            .a = states,
                            .lda = hidden,
                            .b = weights.data(),
                            .matrices = 3,
                            .first = begin,
                            .columns = end - begin,
                            .c = work.product + 3 * width * from + begin,
                            .ldc = 3 * hidden,
                            .step = width});
      };
      multiply(carried, 0, step.carried);
      if (lane.initial != nullptr) multiply(lane.initial + width * step.carried, step.carried, step.alive);
      for (int s = 0; s < step.alive; ++s) {
        const std::int64_t row = step.first + s;
        const bool from_nothing = s >= step.carried && lane.initial == nullptr;
        const T* product = from_nothing ? work.zeros : work.product + 3 * width * s;
        const T* previous = from_nothing ? work.zeros : (s < step.carried ? carried : lane.initial) + width * s;
        T* h = lane.h + width * row;
        forward_row(end - begin, width, lane.input_gates + 3 * width * gru_input_of(args.input_row, row) + begin,
                    product + begin, lane.bias_hh + begin, previous + begin, gates + 4 * width * s + begin, h + begin);
        if (lane.state_mask != nullptr)
          for (int j = begin; j < end; ++j) h[j] *= lane.state_mask[width * row + j];
      }
    });
  }
}

// --- backward ------------------------------------------------------------------------------------------------------

template <class T> struct BackwardWorkspace {
  T* weights = nullptr;    // [3H, H], packed
  T* carry = nullptr;      // [sequences, H] the gradient by the states from the step after
  T* candidate = nullptr;  // [sequences, H] da_n of one step
  T* recurrent = nullptr;  // [rows, 3H] g, by Step::place()
  T* previous = nullptr;   // [rows, H] h⁻, likewise
};

// Previous states side by side, so that dW_hh is one GEMM.
template <class T> void gather_previous(const GruSequenceForward<T>& args, const GruLaneForward<T>& lane, T* previous) {
  const std::int64_t width = args.hidden;
  for (int k = 0; k < args.packing.steps(); ++k) {
    const Step step = step_at(args.packing, lane.reverse, k);
    std::copy_n(lane.h + width * step.carried_first, width * step.carried, previous + width * step.carried_place);
    const std::int64_t starting = width * (step.alive - step.carried);
    T* to = previous + width * step.starting_place;
    if (lane.initial != nullptr)
      std::copy_n(lane.initial + width * step.carried, starting, to);
    else
      std::fill_n(to, starting, T{0});
  }
}

// Some units of a row, as in forward_row(). carry: the whole gradient of the (unmasked) state in, its direct share for
// the previous state (d ⊙ z) out.
template <class T>
void backward_row(int units, std::int64_t width, const T* __restrict saved, const T* __restrict previous,
                  T* __restrict carry, T* __restrict candidate, T* __restrict recurrent) {
  const std::int64_t z_at = width;
  const std::int64_t n_at = 2 * width;
  const std::int64_t m_at = 3 * width;
  for (int j = 0; j < units; ++j) {
    const T r = saved[j];
    const T z = saved[z_at + j];
    const T n = saved[n_at + j];
    const T m = saved[m_at + j];
    const T d = carry[j];
    const T da_n = d * (T{1} - z) * (T{1} - n * n);
    candidate[j] = da_n;
    recurrent[j] = da_n * m * r * (T{1} - r);
    recurrent[z_at + j] = d * (previous[j] - n) * z * (T{1} - z);
    recurrent[n_at + j] = da_n * r;
    carry[j] = d * z;
  }
}

template <class T>
void put_row(const GradientSink<T>& sink, std::int64_t at, const T* __restrict values, std::int64_t count) {
  T* __restrict out = sink.data + at;
  if (sink.accumulate)
    for (std::int64_t j = 0; j < count; ++j) out[j] += values[j];
  else
    std::copy_n(values, count, out);
}

/// The gates of units [begin, end) at one step.
template <class T>
void backward_gates(const GruSequenceForward<T>& args, const GruLaneForward<T>& lane, const GruLaneBackward<T>& back,
                    const BackwardWorkspace<T>& work, const Step& step, int begin, int end) {
  const std::int64_t width = args.hidden;
  const int units = end - begin;
  for (int s = 0; s < step.alive; ++s) {
    const std::int64_t row = step.first + s;
    T* carry = work.carry + width * s + begin;
    const T* dh = back.dh + width * row + begin;
    for (int j = 0; j < units; ++j) carry[j] += dh[j];
    if (lane.state_mask != nullptr) {
      const T* mask = lane.state_mask + width * row + begin;
      for (int j = 0; j < units; ++j) carry[j] *= mask[j];
    }
    const std::int64_t place = step.place(s);
    T* recurrent = work.recurrent + 3 * width * place + begin;
    T* candidate = work.candidate + width * s + begin;
    backward_row(units, width, lane.saved + 4 * width * row + begin, work.previous + width * place + begin, carry,
                 candidate, recurrent);
    if (!back.d_input_gates) continue;
    const std::int64_t input = 3 * width * gru_input_of(args.input_row, row) + begin;
    put_row(back.d_input_gates, input, recurrent, units);
    put_row(back.d_input_gates, input + width, recurrent + width, units);
    put_row(back.d_input_gates, input + 2 * width, candidate, units);
  }
}

/// dh⁻ of units [begin, end) at one step: into the carry and, for those who start here, from there into dinitial.
template <class T>
void backward_states(int hidden, const PackedMatrix<T>& weights, const GruLaneBackward<T>& back,
                     const BackwardWorkspace<T>& work, const Step& step, int begin, int end) {
  const std::int64_t width = hidden;
  const auto multiply = [&](std::int64_t place, int from, int to) {
    multiply_packed<T>({.m = to - from,
                        .a = work.recurrent + 3 * width * place,
                        .lda = 3 * hidden,
                        .b = &weights,
                        .first = begin,
                        .columns = end - begin,
                        .c = work.carry + width * from + begin,
                        .ldc = hidden,
                        .accumulate = true});
  };
  multiply(step.carried_place, 0, step.carried);
  if (!back.dinitial) return;
  multiply(step.starting_place, step.carried, step.alive);
  for (std::int64_t s = step.carried; s < step.alive; ++s)
    put_row(back.dinitial, width * s + begin, work.carry + width * s + begin, end - begin);
}

template <class T>
void backward_weights(Context& context, const Packing& packing, int hidden, bool from_nothing,
                      const GruLaneBackward<T>& back, const BackwardWorkspace<T>& work) {
  if (back.dweight_hh)
    gemm<T>(context, {.a_transposed = true,
                      .m = 3 * hidden,
                      .n = hidden,
                      .k = packing.rows() - (from_nothing ? packing.sequences() : 0),
                      .a = work.recurrent,
                      .lda = 3 * hidden,
                      .b = work.previous,
                      .ldb = hidden,
                      .c = back.dweight_hh.data,
                      .ldc = hidden,
                      .accumulate = back.dweight_hh.accumulate});
  if (back.dbias_hh) bias_gradient(context, packing.rows(), 3 * std::int64_t{hidden}, work.recurrent, back.dbias_hh);
}

template <class T>
void backward_lane(Context& context, const GruSequenceForward<T>& args, const GruLaneForward<T>& lane,
                   GruLaneBackward<T> back, const BackwardWorkspace<T>& work) {
  const int hidden = args.hidden;
  const std::int64_t width = hidden;
  gather_previous(args, lane, work.previous);
  if (args.input_row != nullptr && back.d_input_gates) {
    if (!back.d_input_gates.accumulate) std::fill_n(back.d_input_gates.data, 3 * width * args.inputs, T{0});
    back.d_input_gates.accumulate = true;
  }
  // Zeros stay where no later step wrote: at the last step of each sequence.
  std::fill_n(work.carry, width * args.packing.sequences(), T{0});
  const PackedMatrix<T> weights = pack_matrix(context, lane.weight_hh, hidden, false, 3 * hidden, hidden, work.weights);
  // A unit's dot product with the gradients of all gates is followed at once by its own gates at the step before.
  const int steps = args.packing.steps();
  for (int k = steps - 1; k >= 0; --k) {
    const Step step = step_at(args.packing, lane.reverse, k);
    for_units<T>(context, args.lanes, hidden, step.alive, [&](int begin, int end) {
      if (k + 1 < steps)
        backward_states(hidden, weights, back, work, step_at(args.packing, lane.reverse, k + 1), begin, end);
      backward_gates(args, lane, back, work, step, begin, end);
    });
  }
  if (back.dinitial && steps > 0)
    backward_states(hidden, weights, back, work, step_at(args.packing, lane.reverse, 0), 0, hidden);
  backward_weights(context, args.packing, hidden, lane.initial == nullptr, back, work);
}

}  // namespace

template <class T> void gru_sequence_forward(Cpu, Context& context, const GruSequenceForward<T>& args) {
  ETHREED_ASSERT(args.lanes >= 1 && args.lanes <= gru_max_lanes);
  const std::int64_t sequences = args.packing.sequences();
  const std::int64_t width = args.hidden;
  ArenaScope scratch(context.scratch);
  std::array<ForwardWorkspace<T>, gru_max_lanes> work{};
  for (int l = 0; l < args.lanes; ++l) {
    work[l].weights = scratch.allocate<T>(3 * packed_elements<T>(args.hidden, args.hidden));
    work[l].product = scratch.allocate<T>(sequences * 3 * width);
    work[l].zeros = scratch.allocate<T>(3 * width);
    std::fill_n(work[l].zeros, 3 * width, T{0});
    if (args.lane[l].saved == nullptr) work[l].gates = scratch.allocate<T>(sequences * 4 * width);
  }
  context.pool.parallel_for(args.lanes, [&](std::int64_t l) { forward_lane(context, args, args.lane[l], work[l]); });
}

template <class T> void gru_sequence_backward(Cpu, Context& context, const GruSequenceBackward<T>& args) {
  const GruSequenceForward<T>& f = args.forward;
  ETHREED_ASSERT(f.lanes >= 1 && f.lanes <= gru_max_lanes);
  const std::int64_t sequences = f.packing.sequences();
  const std::int64_t rows = f.packing.rows();
  const std::int64_t width = f.hidden;
  ArenaScope scratch(context.scratch);
  std::array<BackwardWorkspace<T>, gru_max_lanes> work{};
  for (int l = 0; l < f.lanes; ++l) {
    work[l].weights = scratch.allocate<T>(packed_elements<T>(3 * f.hidden, f.hidden));
    work[l].carry = scratch.allocate<T>(sequences * width);
    work[l].candidate = scratch.allocate<T>(sequences * width);
    work[l].recurrent = scratch.allocate<T>(rows * 3 * width);
    work[l].previous = scratch.allocate<T>(rows * width);
  }
  context.pool.parallel_for(f.lanes,
                            [&](std::int64_t l) { backward_lane(context, f, f.lane[l], args.lane[l], work[l]); });
}

template void gru_sequence_forward(Cpu, Context&, const GruSequenceForward<float>&);
template void gru_sequence_forward(Cpu, Context&, const GruSequenceForward<double>&);
template void gru_sequence_backward(Cpu, Context&, const GruSequenceBackward<float>&);
template void gru_sequence_backward(Cpu, Context&, const GruSequenceBackward<double>&);

}  // namespace ethreed
