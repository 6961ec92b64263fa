#include "autograd/functions/scaled_sum.h"

namespace ethreed {

template <class T> Variable<T> scaled_sum(Tape<T>& tape, Variable<T> x, double scale) {
  Variable<T> y = tape.result({1}, x.wants_gradient());
  const ScaledSumForward<T> args{.count = x.value().count(), .scale = scale, .x = x.data(), .y = y.data()};
  scaled_sum_forward(tape.context(), args);
  if (!y.wants_gradient()) return y;
  tape.record([=](Tape<T>& t) {
    const T* dy = t.gradient(y);
    if (dy == nullptr) return;
    scaled_sum_backward<T>(t.context(), {.forward = args, .dy = dy, .dx = t.sink(x)});
  });
  return y;
}

template Variable<float> scaled_sum(Tape<float>&, Variable<float>, double);
template Variable<double> scaled_sum(Tape<double>&, Variable<double>, double);

}  // namespace ethreed
