#include "kernels/common/column_sums.h"
#include "kernels/common/grid_constant.h"
#include "kernels/common/launch.h"
#include "kernels/common/math.h"
#include "kernels/gemm/gemm.h"
#include "kernels/linear/linear.h"
#include "kernels/linear/linear_single.h"

namespace ethreed {

namespace {

constexpr int threads = 256;

// From this many parts on, copying them side by side costs less than a GEMM each.
constexpr int parts_to_join = 3;

template <class T> int total_columns(const LinearForward<T>& args) {
  int total = 0;
  for (int p = 0; p < args.parts; ++p) total += args.columns[p];
  return total;
}

/// y = tanh(y + bias), in place; bias may be null. One thread per element.
template <class T> __global__ void linear_tanh_kernel(T* y, const T* bias, std::int64_t count, int columns) {
  const std::int64_t i = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i < count) y[i] = math::tanh(y[i] + (bias != nullptr ? bias[i % columns] : T{0}));
}

/// z = z + bias and y = gelu(z); bias may be null, y may be z. One thread per element.
template <class T> __global__ void linear_gelu_kernel(T* z, const T* bias, T* y, std::int64_t count, int columns) {
  const std::int64_t i = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i >= count) return;
  const T sum = z[i] + (bias != nullptr ? bias[i % columns] : T{0});
  if (y != z) z[i] = sum;
  y[i] = math::gelu(sum);
}

/// dz = dy ⊙ gelu'(z). One thread per element.
template <class T> __global__ void linear_gelu_backward_kernel(const T* dy, const T* z, T* dz, std::int64_t count) {
  const std::int64_t i = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i < count) dz[i] = dy[i] * math::gelu_slope(z[i]);
}

/// The parts of a row, by pointer and width.
template <class T> struct Parts {
  T* data[linear_max_parts];
  bool accumulate[linear_max_parts];
  int columns[linear_max_parts];
  int count;
};

/// joined[row] = [x_1 ; x_2 ; …]. A block is one row.
template <class T> __global__ void linear_join_kernel(const __grid_constant__ Parts<const T> parts, int in, T* joined) {
  const std::int64_t row = blockIdx.x;
  T* to = joined + row * in;
  for (int p = 0; p < parts.count; to += parts.columns[p++])
    for (int j = thread_index(); j < parts.columns[p]; j += block_threads())
      to[j] = parts.data[p][row * parts.columns[p] + j];
}

/// Hands the columns of `joined` out to the parts that are wanted, written or added. A block is one row.
template <class T>
__global__ void linear_split_kernel(const T* joined, int in, const __grid_constant__ Parts<T> parts) {
  const std::int64_t row = blockIdx.x;
  const T* from = joined + row * in;
  for (int p = 0; p < parts.count; from += parts.columns[p++]) {
    if (parts.data[p] == nullptr) continue;
    const GradientSink<T> sink{parts.data[p] + row * parts.columns[p], parts.accumulate[p]};
    for (int j = thread_index(); j < parts.columns[p]; j += block_threads()) put(sink, j, from[j]);
  }
}

/// [rows, in] in scratch memory: the parts side by side.
template <class T> const T* join(Context& context, ArenaScope& scratch, const LinearForward<T>& args, int in) {
  T* joined = scratch.allocate<T>(std::int64_t{args.rows} * in);
  Parts<const T> parts{.count = args.parts};
  for (int p = 0; p < args.parts; ++p) {
    parts.data[p] = args.x[p];
    parts.columns[p] = args.columns[p];
  }
  if (args.rows > 0)
    launch<linear_join_kernel<T>>(context, {.grid = static_cast<unsigned>(args.rows), .block = threads}, parts, in,
                                  joined);
  return joined;
}

/// Calls run(x, columns, first column of the weight, part) for every GEMM that the layer takes.
template <class T, class Run>
void for_each_product(Context& context, ArenaScope& scratch, const LinearForward<T>& args, int in, Run run) {
  if (args.parts >= parts_to_join) {
    run(join(context, scratch, args, in), in, 0, 0);
    return;
  }
  int first = 0;
  for (int p = 0; p < args.parts; first += args.columns[p++]) run(args.x[p], args.columns[p], first, p);
}

/// dx = dz·W: into the sinks, or side by side and then copied to them.
template <class T>
void inputs_backward(Context& context, ArenaScope& scratch, const LinearBackward<T>& args, const T* dz, int in) {
  const LinearForward<T>& f = args.forward;
  const auto product = [&](int first, int columns, GradientSink<T> to) {
    gemm<T>(context, {.m = f.rows,
                      .n = columns,
                      .k = f.out,
                      .a = dz,
                      .lda = f.out,
                      .b = f.weight + first,
                      .ldb = in,
                      .c = to.data,
                      .ldc = columns,
                      .accumulate = to.accumulate});
  };
  if (f.parts < parts_to_join) {
    int first = 0;
    for (int p = 0; p < f.parts; first += f.columns[p++])
      if (args.dx[p]) product(first, f.columns[p], args.dx[p]);
    return;
  }
  Parts<T> parts{.count = f.parts};
  bool wanted = false;
  for (int p = 0; p < f.parts; ++p) {
    parts.data[p] = args.dx[p].data;
    parts.accumulate[p] = args.dx[p].accumulate;
    parts.columns[p] = f.columns[p];
    wanted = wanted || args.dx[p];
  }
  if (!wanted || f.rows == 0) return;
  T* joined = scratch.allocate<T>(std::int64_t{f.rows} * in);
  product(0, in, {joined, false});
  launch<linear_split_kernel<T>>(context, {.grid = static_cast<unsigned>(f.rows), .block = threads}, joined, in, parts);
}

}  // namespace

template <class T> void linear_forward(ThisDevice, Context& context, const LinearForward<T>& args) {
  const bool gelu = args.activation == Activation::gelu;
  ETHREED_ASSERT(!args.accumulate || args.activation == Activation::none);
  if (args.out == 1 && !gelu && !args.accumulate) return linear_single_forward(context, args);
  const int in = total_columns(args);
  const bool plain = args.activation == Activation::none;
  T* z = gelu ? args.z : args.y;
  ArenaScope scratch(context.scratch);
  for_each_product(context, scratch, args, in, [&](const T* x, int columns, int first, int part) {
    gemm<T>(context, {.b_transposed = true,
                      .m = args.rows,
                      .n = args.out,
                      .k = columns,
                      .a = x,
                      .lda = columns,
                      .b = args.weight + first,
                      .ldb = in,
                      .c = z,
                      .ldc = args.out,
                      .accumulate = part > 0 || args.accumulate,
                      .bias = part == 0 && plain ? args.bias : nullptr});
  });
  const std::int64_t count = std::int64_t{args.rows} * args.out;
  if (plain || count == 0) return;
  const LaunchShape shape{.grid = blocks_for(count, threads), .block = threads};
  if (gelu)
    launch<linear_gelu_kernel<T>>(context, shape, z, args.bias, args.y, count, args.out);
  else
    launch<linear_tanh_kernel<T>>(context, shape, args.y, args.bias, count, args.out);
}

template <class T> void linear_backward(ThisDevice, Context& context, const LinearBackward<T>& args) {
  const LinearForward<T>& f = args.forward;
  const bool gelu = f.activation == Activation::gelu, tanh = f.activation == Activation::tanh;
  if (f.out == 1 && !gelu) return linear_single_backward(context, args);
  const int in = total_columns(f);
  const std::int64_t count = std::int64_t{f.rows} * f.out;
  ArenaScope scratch(context.scratch);
  const T* dz = args.dy;
  T* scaled = gelu || tanh ? scratch.allocate<T>(count) : nullptr;
  if (scaled != nullptr) dz = scaled;
  if (gelu && count > 0)
    launch<linear_gelu_backward_kernel<T>>(context, {.grid = blocks_for(count, threads), .block = threads}, args.dy,
                                           f.z, scaled, count);
  if (tanh)
    column_sums<T>(context, f.rows, f.out, args.dy, f.y, scaled, args.dbias);
  else if (args.dbias)
    column_sums<T>(context, f.rows, f.out, dz, nullptr, nullptr, args.dbias);
  inputs_backward(context, scratch, args, dz, in);
  if (!args.dweight) return;
  for_each_product(context, scratch, f, in, [&](const T* x, int columns, int first, int) {
    gemm<T>(context, {.a_transposed = true,
                      .m = f.out,
                      .n = columns,
                      .k = f.rows,
                      .a = dz,
                      .lda = f.out,
                      .b = x,
                      .ldb = columns,
                      .c = args.dweight.data + first,
                      .ldc = in,
                      .accumulate = args.dweight.accumulate});
  });
}

template void linear_forward(ThisDevice, Context&, const LinearForward<float>&);
template void linear_forward(ThisDevice, Context&, const LinearForward<double>&);
template void linear_backward(ThisDevice, Context&, const LinearBackward<float>&);
template void linear_backward(ThisDevice, Context&, const LinearBackward<double>&);

}  // namespace ethreed
