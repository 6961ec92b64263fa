#include "kernels/common/lane_sum.h"
#include "kernels/elementwise/elementwise.h"

#include <algorithm>

namespace ethreed {

namespace {

constexpr std::int64_t elements_per_chunk = 16384;

/// Elements begin … end − 1 of one gradient.
template <class T, class Term>
void put_range(const GradientSink<T>& sink, std::int64_t begin, std::int64_t end, Term term) {
  if (sink.accumulate)
    for (std::int64_t k = begin; k < end; ++k) sink.data[k] += term(k);
  else
    for (std::int64_t k = begin; k < end; ++k) sink.data[k] = term(k);
}

template <class F, class T> void run_forward(Context& context, const ElementwiseForward<T>& args) {
  context.pool.parallel_ranges(args.count, elements_per_chunk, [&, args](std::int64_t begin, std::int64_t end) {
    T* __restrict y = args.y;
    for (std::int64_t k = begin; k < end; ++k) y[k] = elementwise::value_at<F>(args, k);
  });
}

template <class F, class T> void run_backward(Context& context, const ElementwiseBackward<T>& args) {
  context.pool.parallel_ranges(args.forward.count, elements_per_chunk, [&](std::int64_t begin, std::int64_t end) {
    if (args.da) put_range(args.da, begin, end, [args](std::int64_t k) { return elementwise::to_a_at<F>(args, k); });
    if constexpr (F::inputs == 2)
      if (args.db) put_range(args.db, begin, end, [args](std::int64_t k) { return elementwise::to_b_at<F>(args, k); });
  });
}

/// Calls body(row, first element) for every row of a, in chunks of rows.
template <class T, class Body> void for_each_row(Context& context, const ElementwiseForward<T>& f, const Body& body) {
  const std::int64_t rows_per_chunk = std::max<std::int64_t>(1, elements_per_chunk / f.columns);
  context.pool.parallel_ranges(f.count / f.columns, rows_per_chunk, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) body(row, row * f.columns);
  });
}

template <class F, class T> void run_forward_broadcast(Context& context, const ElementwiseForward<T>& args) {
  for_each_row(context, args, [args](std::int64_t row, std::int64_t first) {
    T* __restrict y = args.y + first;
    const T of_row = args.broadcast == Broadcast::column ? args.b[row] : T{0};
    if (args.broadcast == Broadcast::column)
      for (std::int64_t c = 0; c < args.columns; ++c) y[c] = elementwise::value_at<F>(args, first + c, of_row);
    else
      for (std::int64_t c = 0; c < args.columns; ++c) y[c] = elementwise::value_at<F>(args, first + c, args.b[c]);
  });
}

/// db of columns begin … end − 1, where b is a row.
template <class F, class T> void sum_rows(const ElementwiseBackward<T>& args, std::int64_t begin, std::int64_t end) {
  const ElementwiseForward<T>& f = args.forward;
  if (!args.db.accumulate) std::fill(args.db.data + begin, args.db.data + end, T{0});
  for (std::int64_t first = 0; first < f.count; first += f.columns)
    put_range(GradientSink<T>{args.db.data, true}, begin, end,
              [args, first](std::int64_t c) { return elementwise::to_b_at<F>(args, first + c, args.forward.b[c]); });
}

template <class F, class T> void run_backward_broadcast(Context& context, const ElementwiseBackward<T>& args) {
  constexpr std::int64_t columns_per_chunk = 512;
  const ElementwiseForward<T>& f = args.forward;
  const bool column = f.broadcast == Broadcast::column;
  if (args.da || column)
    for_each_row(context, f, [&args, &f, column](std::int64_t row, std::int64_t first) {
      const GradientSink<T> da{args.da ? args.da.data + first : nullptr, args.da.accumulate};
      if (!column)
        return put_range(da, 0, f.columns,
                         [=](std::int64_t c) { return elementwise::to_a_at<F>(args, first + c, args.forward.b[c]); });
      const T b = f.b[row];
      if (da) put_range(da, 0, f.columns, [=](std::int64_t c) { return elementwise::to_a_at<F>(args, first + c, b); });
      if (!args.db) return;
      const T sum = lane_sum<T>(f.columns, [=](std::int64_t c) { return elementwise::to_b_at<F>(args, first + c, b); });
      args.db.data[row] = args.db.accumulate ? args.db.data[row] + sum : sum;
    });
  if (args.db && !column)
    context.pool.parallel_ranges(f.columns, columns_per_chunk,
                                 [&](std::int64_t begin, std::int64_t end) { sum_rows<F>(args, begin, end); });
}

}  // namespace

template <class T> void elementwise_forward(Cpu, Context& context, const ElementwiseForward<T>& args) {
  if (args.broadcast == Broadcast::none)
    elementwise::with_function(args.function, [&]<class F>(F) { run_forward<F>(context, args); });
  else
    elementwise::with_function_of_two(args.function, [&]<class F>(F) { run_forward_broadcast<F>(context, args); });
}

template <class T> void elementwise_backward(Cpu, Context& context, const ElementwiseBackward<T>& args) {
  const ElementwiseForward<T>& f = args.forward;
  if (f.broadcast == Broadcast::none)
    elementwise::with_function(f.function, [&]<class F>(F) { run_backward<F>(context, args); });
  else
    elementwise::with_function_of_two(f.function, [&]<class F>(F) { run_backward_broadcast<F>(context, args); });
}

template void elementwise_forward(Cpu, Context&, const ElementwiseForward<float>&);
template void elementwise_forward(Cpu, Context&, const ElementwiseForward<double>&);
template void elementwise_backward(Cpu, Context&, const ElementwiseBackward<float>&);
template void elementwise_backward(Cpu, Context&, const ElementwiseBackward<double>&);

}  // namespace ethreed
