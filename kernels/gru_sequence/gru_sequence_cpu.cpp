#include "kernels/common/math.h"
#include "kernels/gemm/gemm.h"
#include "kernels/gru_sequence/gru_sequence.h"

#include <algorithm>

namespace ethreed {

namespace {

constexpr std::int64_t rows_per_chunk = 32;  // fewer are done sooner than a second thread is called
constexpr std::int64_t columns_per_chunk = 512;

// One step of the recurrence in packed rows. Of its `alive` sequences the first `carried` come from the step before it;
// the others start here. Alive sequences are a prefix at every time, so this holds in both directions: forward, all
// start at the first step; in reverse, a sequence joins at its own last token.
struct Step {
  std::int64_t first;          // packed row of sequence 0
  std::int64_t carried_first;  // packed row of sequence 0 at the step before
  int alive;
  int carried;
};

Step step_at(const Packing& packing, bool reverse, int k) {
  const int t = reverse ? packing.steps() - 1 - k : k;
  if (k == 0) return {packing.offset(t), 0, packing.alive(t), 0};
  const int before = reverse ? t + 1 : t - 1;
  return {packing.offset(t), packing.offset(before), packing.alive(t),
          std::min(packing.alive(t), packing.alive(before))};
}

// --- forward -------------------------------------------------------------------------------------------------------

template <class T> struct ForwardWorkspace {
  T* product = nullptr;  // [sequences, 3H] h⁻·W_hhᵀ of one step
  T* gates = nullptr;    // [sequences, 4H] what nobody saves
  T* zeros = nullptr;    // [3H] the product, and the state, of a sequence that starts from nothing
};

template <class T>
void forward_row(int hidden, const T* __restrict x, const T* __restrict product, const T* __restrict bias,
                 const T* __restrict previous, T* __restrict gates, T* __restrict h) {
  const std::int64_t z_at = hidden;
  const std::int64_t n_at = 2 * z_at;
  const std::int64_t m_at = 3 * z_at;
  for (int j = 0; j < hidden; ++j) {
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
  const auto multiply = [&](const T* states, int from, int to) {
    gemm<T>(context, {.b_transposed = true,
                      .m = to - from,
                      .n = 3 * hidden,
                      .k = hidden,
                      .a = states,
                      .lda = hidden,
                      .b = lane.weight_hh,
                      .ldb = hidden,
                      .c = work.product + 3 * width * from,
                      .ldc = 3 * hidden});
  };
  for (int k = 0; k < args.packing.steps(); ++k) {
    const Step step = step_at(args.packing, lane.reverse, k);
    const T* carried = lane.h + step.carried_first * width;
    multiply(carried, 0, step.carried);
    if (lane.initial != nullptr) multiply(lane.initial + width * step.carried, step.carried, step.alive);
    T* gates = lane.saved != nullptr ? lane.saved + step.first * 4 * width : work.gates;
    context.pool.parallel_ranges(step.alive, rows_per_chunk, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t s = begin; s < end; ++s) {
        const std::int64_t row = step.first + s;
        const bool from_nothing = s >= step.carried && lane.initial == nullptr;
        const T* product = from_nothing ? work.zeros : work.product + 3 * width * s;
        const T* previous = from_nothing ? work.zeros : (s < step.carried ? carried : lane.initial) + width * s;
        T* h = lane.h + width * row;
        forward_row(hidden, lane.input_gates + 3 * width * row, product, lane.bias_hh, previous, gates + 4 * width * s,
                    h);
        if (lane.state_mask != nullptr)
          for (int j = 0; j < hidden; ++j) h[j] *= lane.state_mask[width * row + j];
      }
    });
  }
}

// --- backward ------------------------------------------------------------------------------------------------------

template <class T> struct BackwardWorkspace {
  T* carry = nullptr;      // [sequences, H] the gradient that arrives at the states from the step after
  T* candidate = nullptr;  // [sequences, H] da_n of one step
  T* recurrent = nullptr;  // [rows, 3H] g
  T* previous = nullptr;   // [rows, H] h⁻
};

// Previous states side by side in packed order, so that dW_hh is one product.
template <class T> void gather_previous(const GruSequenceForward<T>& args, const GruLaneForward<T>& lane, T* previous) {
  const std::int64_t width = args.hidden;
  for (int k = 0; k < args.packing.steps(); ++k) {
    const Step step = step_at(args.packing, lane.reverse, k);
    T* to = previous + width * step.first;
    to = std::copy_n(lane.h + width * step.carried_first, width * step.carried, to);
    const std::int64_t starting = width * (step.alive - step.carried);
    if (lane.initial != nullptr)
      std::copy_n(lane.initial + width * step.carried, starting, to);
    else
      std::fill_n(to, starting, T{0});
  }
}

// carry: the whole gradient of the (unmasked) state in, its direct share for the previous state (d ⊙ z) out.
template <class T>
void backward_row(int hidden, const T* __restrict saved, const T* __restrict previous, T* __restrict carry,
                  T* __restrict candidate, T* __restrict recurrent) {
  const std::int64_t z_at = hidden;
  const std::int64_t n_at = 2 * z_at;
  const std::int64_t m_at = 3 * z_at;
  for (int j = 0; j < hidden; ++j) {
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

template <class T>
void backward_gates(Context& context, int hidden, const GruLaneForward<T>& lane, const GruLaneBackward<T>& back,
                    const BackwardWorkspace<T>& work, const Step& step) {
  const std::int64_t width = hidden;
  context.pool.parallel_ranges(step.alive, rows_per_chunk, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t s = begin; s < end; ++s) {
      const std::int64_t row = step.first + s;
      T* carry = work.carry + width * s;
      for (int j = 0; j < hidden; ++j) carry[j] += back.dh[width * row + j];
      if (lane.state_mask != nullptr)
        for (int j = 0; j < hidden; ++j) carry[j] *= lane.state_mask[width * row + j];
      T* recurrent = work.recurrent + 3 * width * row;
      T* candidate = work.candidate + width * s;
      backward_row(hidden, lane.saved + 4 * width * row, work.previous + width * row, carry, candidate, recurrent);
      if (!back.d_input_gates) continue;
      put_row(back.d_input_gates, 3 * width * row, recurrent, 2 * width);
      put_row(back.d_input_gates, 3 * width * row + 2 * width, candidate, width);
    }
  });
}

template <class T>
void backward_weights(Context& context, int rows, int hidden, const GruLaneBackward<T>& back,
                      const BackwardWorkspace<T>& work) {
  if (back.dweight_hh)
    gemm<T>(context, {.a_transposed = true,
                      .m = 3 * hidden,
                      .n = hidden,
                      .k = rows,
                      .a = work.recurrent,
                      .lda = 3 * hidden,
                      .b = work.previous,
                      .ldb = hidden,
                      .c = back.dweight_hh.data,
                      .ldc = hidden,
                      .accumulate = back.dweight_hh.accumulate});
  if (!back.dbias_hh) return;
  const std::int64_t gates = 3 * std::int64_t{hidden};
  context.pool.parallel_ranges(gates, columns_per_chunk, [&](std::int64_t begin, std::int64_t end) {
    T* out = back.dbias_hh.data;
    if (!back.dbias_hh.accumulate) std::fill(out + begin, out + end, T{0});
    for (std::int64_t row = 0; row < rows; ++row)
      for (std::int64_t j = begin; j < end; ++j) out[j] += work.recurrent[row * gates + j];
  });
}

template <class T>
void backward_lane(Context& context, const GruSequenceForward<T>& args, const GruLaneForward<T>& lane,
                   const GruLaneBackward<T>& back, const BackwardWorkspace<T>& work) {
  const int hidden = args.hidden;
  const std::int64_t width = hidden;
  gather_previous(args, lane, work.previous);
  // Zeros stay where no later step wrote: at the last step of each sequence.
  std::fill_n(work.carry, width * args.packing.sequences(), T{0});
  for (int k = args.packing.steps() - 1; k >= 0; --k) {
    const Step step = step_at(args.packing, lane.reverse, k);
    backward_gates(context, hidden, lane, back, work, step);
    const auto carry = [&](int from, int to) {
      gemm<T>(context, {.m = to - from,
                        .n = hidden,
                        .k = 3 * hidden,
                        .a = work.recurrent + 3 * width * (step.first + from),
                        .lda = 3 * hidden,
                        .b = lane.weight_hh,
                        .ldb = hidden,
                        .c = work.carry + width * from,
                        .ldc = hidden,
                        .accumulate = true});
    };
    carry(0, step.carried);
    // Whoever starts here hands its gradient to its initial state, if anybody asks for that: in a product of its own, so
    // that the others get the same bits whether it is asked for or not.
    if (back.dinitial) carry(step.carried, step.alive);
    if (back.dinitial)
      put_row(back.dinitial, width * step.carried, work.carry + width * step.carried,
              width * (step.alive - step.carried));
  }
  backward_weights(context, args.packing.rows(), hidden, back, work);
}

}  // namespace

template <class T> void gru_sequence_forward(Cpu, Context& context, const GruSequenceForward<T>& args) {
  ETHREED_ASSERT(args.lanes >= 1 && args.lanes <= gru_max_lanes);
  const std::int64_t sequences = args.packing.sequences();
  const std::int64_t width = args.hidden;
  ArenaScope scratch(context.scratch);
  std::array<ForwardWorkspace<T>, gru_max_lanes> work{};
  for (std::size_t l = 0; l < static_cast<std::size_t>(args.lanes); ++l) {
    work[l].product = scratch.allocate<T>(sequences * 3 * width);
    work[l].zeros = scratch.allocate<T>(3 * width);
    std::fill_n(work[l].zeros, 3 * width, T{0});
    if (args.lane[l].saved == nullptr) work[l].gates = scratch.allocate<T>(sequences * 4 * width);
  }
  context.pool.parallel_for(args.lanes, [&](std::int64_t index) {
    const auto l = static_cast<std::size_t>(index);
    forward_lane(context, args, args.lane[l], work[l]);
  });
}

template <class T> void gru_sequence_backward(Cpu, Context& context, const GruSequenceBackward<T>& args) {
  const GruSequenceForward<T>& f = args.forward;
  ETHREED_ASSERT(f.lanes >= 1 && f.lanes <= gru_max_lanes);
  const std::int64_t sequences = f.packing.sequences();
  const std::int64_t rows = f.packing.rows();
  const std::int64_t width = f.hidden;
  ArenaScope scratch(context.scratch);
  std::array<BackwardWorkspace<T>, gru_max_lanes> work{};
  for (std::size_t l = 0; l < static_cast<std::size_t>(f.lanes); ++l) {
    work[l].carry = scratch.allocate<T>(sequences * width);
    work[l].candidate = scratch.allocate<T>(sequences * width);
    work[l].recurrent = scratch.allocate<T>(rows * 3 * width);
    work[l].previous = scratch.allocate<T>(rows * width);
  }
  context.pool.parallel_for(f.lanes, [&](std::int64_t index) {
    const auto l = static_cast<std::size_t>(index);
    backward_lane(context, f, f.lane[l], args.lane[l], work[l]);
  });
}

template void gru_sequence_forward(Cpu, Context&, const GruSequenceForward<float>&);
template void gru_sequence_forward(Cpu, Context&, const GruSequenceForward<double>&);
template void gru_sequence_backward(Cpu, Context&, const GruSequenceBackward<float>&);
template void gru_sequence_backward(Cpu, Context&, const GruSequenceBackward<double>&);

}  // namespace ethreed
