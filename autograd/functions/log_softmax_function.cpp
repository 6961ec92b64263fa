#include "autograd/functions/log_softmax_function.h"

namespace ethreed {

template <class T> Variable<T> log_softmax(Tape<T>& tape, Variable<T> x) {
  ETHREED_CHECK(x && x.shape().rank() == 2 && x.columns() >= 1,
                "log_softmax: x is {}, wanted [rows, columns] with at least one column",
                x ? x.shape().text() : "absent");
  Variable<T> y = tape.result(x.shape(), x.wants_gradient());
  const LogSoftmaxForward<T> args{.rows = x.rows(), .columns = x.columns(), .x = x.data(), .y = y.data()};
  log_softmax_forward(tape.context(), args);
  if (!y.wants_gradient()) return y;
  tape.record([=](Tape<T>& t) {
    if (const T* dy = t.gradient(y)) log_softmax_backward<T>(t.context(), {.forward = args, .dy = dy, .dx = t.sink(x)});
  });
  return y;
}

template Variable<float> log_softmax(Tape<float>&, Variable<float>);
template Variable<double> log_softmax(Tape<double>&, Variable<double>);

}  // namespace ethreed
