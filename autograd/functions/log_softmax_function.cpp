#include "autograd/functions/log_softmax_function.h"

namespace ethreed {

namespace {

template <class T> Variable<T> run(Tape<T>& tape, const char* name, Variable<T> x, bool probabilities) {
  ETHREED_CHECK(x && x.shape().rank() == 2 && x.columns() >= 1,
                "{}: x is {}, wanted [rows, columns] with at least one column", name, x ? x.shape().text() : "absent");
  Variable<T> y = tape.result(x.shape(), x.wants_gradient());
  const LogSoftmaxForward<T> args{
      .rows = x.rows(), .columns = x.columns(), .probabilities = probabilities, .x = x.data(), .y = y.data()};
  log_softmax_forward(tape.context(), args);
  if (!y.wants_gradient()) return y;
  tape.record([=](Tape<T>& t) {
    if (const T* dy = t.gradient(y)) log_softmax_backward<T>(t.context(), {.forward = args, .dy = dy, .dx = t.sink(x)});
  });
  return y;
}

}  // namespace

template <class T> Variable<T> log_softmax(Tape<T>& tape, Variable<T> x) { return run(tape, "log_softmax", x, false); }
template <class T> Variable<T> softmax(Tape<T>& tape, Variable<T> x) { return run(tape, "softmax", x, true); }

template Variable<float> log_softmax(Tape<float>&, Variable<float>);
template Variable<double> log_softmax(Tape<double>&, Variable<double>);
template Variable<float> softmax(Tape<float>&, Variable<float>);
template Variable<double> softmax(Tape<double>&, Variable<double>);

}  // namespace ethreed
