#include "autograd/functions/segment_pooling_function.h"

namespace ethreed {

template <class T>
Variable<T> segment_pooling(Tape<T>& tape, SegmentReduction reduction, Indices offsets, Variable<T> x) {
  ETHREED_CHECK(!offsets.empty() && offsets[0] == 0,
                "segment_pooling: offsets has {} entries and starts with {}, wanted segments + 1 that start with 0",
                offsets.size(), offsets.empty() ? 0 : offsets[0]);
  for (int s = 0; s + 1 < offsets.size(); ++s)
    ETHREED_CHECK(offsets[s + 1] >= offsets[s],
                  "segment_pooling: segment {} goes from row {} to {}; offsets must not decrease", s, offsets[s],
                  offsets[s + 1]);
  ETHREED_CHECK(x && x.shape().rank() == 2 && x.rows() == offsets.back(),
                "segment_pooling: x is {}, wanted [{}, columns] as offsets say", x ? x.shape().text() : "absent",
                offsets.back());
  const Context& context = tape.context();
  const std::int64_t segments = offsets.size() - 1;
  Variable<T> y = tape.result({segments, x.columns()}, x.wants_gradient());
  const bool saves = reduction == SegmentReduction::max;
  const SegmentPoolingForward<T> args{
      .reduction = reduction,
      .offsets = context.keep(offsets),
      .columns = x.columns(),
      .x = x.data(),
      .chosen = saves ? context.values.template allocate<std::int32_t>(segments * x.columns()) : nullptr,
      .y = y.data()};
  segment_pooling_forward(tape.context(), args);
  if (!y.wants_gradient()) return y;
  tape.record([=](Tape<T>& t) {
    if (const T* dy = t.gradient(y))
      segment_pooling_backward<T>(t.context(), {.forward = args, .dy = dy, .dx = t.sink(x)});
  });
  return y;
}

template Variable<float> segment_pooling(Tape<float>&, SegmentReduction, Indices, Variable<float>);
template Variable<double> segment_pooling(Tape<double>&, SegmentReduction, Indices, Variable<double>);

}  // namespace ethreed
