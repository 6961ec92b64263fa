#include "kernels/common/bias_gradient.h"
#include "kernels/common/math.h"
#include "kernels/gemm/activated.h"
#include "kernels/linear/linear.h"

namespace ethreed {

namespace {

constexpr std::int64_t rows_per_chunk = 16;

template <class T> int total_columns(const LinearForward<T>& args) {
  int total = 0;
  for (int p = 0; p < args.parts; ++p) total += args.columns[p];
  return total;
}

}  // namespace

template <class T> void linear_forward(Cpu, Context& context, const LinearForward<T>& args) {
  const int in = total_columns(args);
  ETHREED_ASSERT(!args.accumulate || args.activation == Activation::none);
  const bool activated = args.activation != Activation::none;
  T* z = args.activation == Activation::gelu ? args.z : args.y;
  int first_column = 0;
  for (int p = 0; p < args.parts; ++p) {
    const bool last = p + 1 == args.parts;
    gemm_activated<T>(context,
                      {.b_transposed = true,
                       .m = args.rows,
                       .n = args.out,
                       .k = args.columns[p],
                       .a = args.x[p],
                       .lda = args.columns[p],
                       .b = args.weight + first_column,
                       .ldb = in,
                       .c = z,
                       .ldc = args.out,
                       .accumulate = p > 0 || args.accumulate,
                       .bias = last ? args.bias : nullptr,
                       .packed_b = args.packed},
                      last ? args.activation : Activation::none, last && activated ? args.y : nullptr);
    first_column += args.columns[p];
  }
}

template <class T> void linear_backward(Cpu, Context& context, const LinearBackward<T>& args) {
  const LinearForward<T>& f = args.forward;
  const int in = total_columns(f);
  ArenaScope scratch(context.scratch);
  const T* dz = args.dy;
  if (f.activation != Activation::none) {
    T* product = scratch.allocate<T>(std::int64_t{f.rows} * f.out);
    context.pool.parallel_ranges(f.rows, rows_per_chunk, [&](std::int64_t begin, std::int64_t end) {
      if (f.activation == Activation::tanh)
        for (std::int64_t i = begin * f.out; i < end * f.out; ++i) product[i] = args.dy[i] * (T{1} - f.y[i] * f.y[i]);
      else
        for (std::int64_t i = begin * f.out; i < end * f.out; ++i) product[i] = args.dy[i] * math::gelu_slope(f.z[i]);
    });
    dz = product;
  }
  int first_column = 0;
  for (int p = 0; p < f.parts; ++p) {
    if (args.dx[p])
      gemm<T>(context, {.m = f.rows,
                        .n = f.columns[p],
                        .k = f.out,
                        .a = dz,
                        .lda = f.out,
                        .b = f.weight + first_column,
                        .ldb = in,
                        .c = args.dx[p].data,
                        .ldc = f.columns[p],
                        .accumulate = args.dx[p].accumulate});
    if (args.dweight)
      gemm<T>(context, {.a_transposed = true,
                        .m = f.out,
                        .n = f.columns[p],
                        .k = f.rows,
                        .a = dz,
                        .lda = f.out,
                        .b = f.x[p],
                        .ldb = f.columns[p],
                        .c = args.dweight.data + first_column,
                        .ldc = in,
                        .accumulate = args.dweight.accumulate});
    first_column += f.columns[p];
  }
  if (args.dbias) bias_gradient(context, f.rows, f.out, dz, args.dbias);
}

template void linear_forward(Cpu, Context&, const LinearForward<float>&);
template void linear_forward(Cpu, Context&, const LinearForward<double>&);
template void linear_backward(Cpu, Context&, const LinearBackward<float>&);
template void linear_backward(Cpu, Context&, const LinearBackward<double>&);

}  // namespace ethreed
