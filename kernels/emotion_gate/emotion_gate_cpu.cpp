#include "kernels/common/math.h"
#include "kernels/emotion_gate/emotion_gate.h"
#include "kernels/gemm/gemm.h"

#include <algorithm>

namespace ethreed {

namespace {

/// The tokens of one row: first and how many.
struct Tokens {
  std::int64_t first;
  int count;
};

Tokens tokens_of(Indices offsets, std::int64_t r) {
  const std::int32_t first = offsets[r];
  return {first, offsets[r + 1] - first};
}

/// y_i = x_i·v for the `count` rows of x [count, columns].
template <class T> void times_vector(Context& context, int count, int columns, const T* x, const T* v, T* y) {
  gemm<T>(context, {.b_transposed = true,
                    .m = count,
                    .n = 1,
                    .k = columns,
                    .a = x,
                    .lda = columns,
                    .b = v,
                    .ldb = columns,
                    .c = y,
                    .ldc = 1});
}

/// Σ_i factor_i x_i into one row of a sink; zeros if there are no rows and it overwrites.
template <class T>
void sum_scaled_rows(Context& context, int count, int columns, const T* factor, const T* x, T* out, bool accumulate) {
  gemm<T>(context, {.a_transposed = true,
                    .m = 1,
                    .n = columns,
                    .k = count,
                    .a = factor,
                    .lda = 1,
                    .b = x,
                    .ldb = columns,
                    .c = out,
                    .ldc = columns,
                    .accumulate = accumulate});
}

/// out_i = factor_i·v, or added to it.
template <class T> void outer_product(int count, int columns, const T* factor, const T* v, T* out, bool accumulate) {
  for (int i = 0; i < count; ++i, out += columns) {
    const T scale = factor[i];
    if (accumulate)
      for (int j = 0; j < columns; ++j) out[j] += scale * v[j];
    else
      for (int j = 0; j < columns; ++j) out[j] = scale * v[j];
  }
}

template <class T> void row_forward(Context& context, const EmotionGateForward<T>& args, std::int64_t r) {
  const int d = args.state_columns, e = args.emotion_columns;
  const auto [first, count] = tokens_of(args.target_offsets, r);
  T* gate = args.gate + first;
  const T bias = *args.bias;
  times_vector(context, count, d, args.s + first * d, args.key + r * d, gate);
  for (int i = 0; i < count; ++i) gate[i] = math::tanh(gate[i] + bias);
  outer_product(count, e, gate, args.emotion + r * e, args.out + first * e, false);
}

/// Everything but dbias, of which it returns the row's part. `dz` [count] is workspace.
template <class T> T row_backward(Context& context, const EmotionGateBackward<T>& args, std::int64_t r, T* dz) {
  const EmotionGateForward<T>& f = args.forward;
  const int d = f.state_columns, e = f.emotion_columns;
  const auto [first, count] = tokens_of(f.target_offsets, r);
  const T* gate = f.gate + first;
  const T* dout = args.dout + first * e;
  if (args.demotion)
    sum_scaled_rows(context, count, e, gate, dout, args.demotion.data + r * e, args.demotion.accumulate);
  if (!args.ds && !args.dkey && !args.dbias) return T{0};

  times_vector(context, count, e, dout, f.emotion + r * e, dz);
  for (int i = 0; i < count; ++i) dz[i] *= T{1} - gate[i] * gate[i];
  if (args.ds) outer_product(count, d, dz, f.key + r * d, args.ds.data + first * d, args.ds.accumulate);
  if (args.dkey) sum_scaled_rows(context, count, d, dz, f.s + first * d, args.dkey.data + r * d, args.dkey.accumulate);
  T bias_part{0};
  for (int i = 0; i < count; ++i) bias_part += dz[i];
  return bias_part;
}

}  // namespace

template <class T> void emotion_gate_forward(Cpu, Context& context, const EmotionGateForward<T>& args) {
  context.pool.parallel_for(args.rows(), [&](std::int64_t r) { row_forward(context, args, r); });
}

template <class T> void emotion_gate_backward(Cpu, Context& context, const EmotionGateBackward<T>& args) {
  const int rows = args.forward.rows(), targets = args.forward.targets();
  ArenaScope scratch(context.scratch);
  T* dz = scratch.allocate<T>(std::int64_t{targets} + rows);
  T* bias_parts = dz + targets;
  context.pool.parallel_for(rows, [&](std::int64_t r) {
    bias_parts[r] = row_backward(context, args, r, dz + args.forward.target_offsets[r]);
  });
  if (!args.dbias) return;
  T sum{0};
  for (int r = 0; r < rows; ++r) sum += bias_parts[r];
  *args.dbias.data = (args.dbias.accumulate ? *args.dbias.data : T{0}) + sum;
}

template void emotion_gate_forward(Cpu, Context&, const EmotionGateForward<float>&);
template void emotion_gate_forward(Cpu, Context&, const EmotionGateForward<double>&);
template void emotion_gate_backward(Cpu, Context&, const EmotionGateBackward<float>&);
template void emotion_gate_backward(Cpu, Context&, const EmotionGateBackward<double>&);

}  // namespace ethreed
