#include "kernels/elementwise/elementwise.h"

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

}  // namespace

template <class T> void elementwise_forward(Cpu, Context& context, const ElementwiseForward<T>& args) {
  elementwise::with_function(args.function, [&]<class F>(F) { run_forward<F>(context, args); });
}

template <class T> void elementwise_backward(Cpu, Context& context, const ElementwiseBackward<T>& args) {
  elementwise::with_function(args.forward.function, [&]<class F>(F) { run_backward<F>(context, args); });
}

template void elementwise_forward(Cpu, Context&, const ElementwiseForward<float>&);
template void elementwise_forward(Cpu, Context&, const ElementwiseForward<double>&);
template void elementwise_backward(Cpu, Context&, const ElementwiseBackward<float>&);
template void elementwise_backward(Cpu, Context&, const ElementwiseBackward<double>&);

}  // namespace ethreed
