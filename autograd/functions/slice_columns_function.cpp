#include "autograd/functions/slice_columns_function.h"

namespace ethreed {

template <class T> Variable<T> slice_columns(Tape<T>& tape, Variable<T> x, int first, int count) {
  ETHREED_CHECK(x && x.shape().rank() == 2, "slice_columns: x is {}, wanted [rows, columns]",
                x ? x.shape().text() : "absent");
  ETHREED_CHECK(first >= 0 && count >= 0 && first <= x.columns() && count <= x.columns() - first,
                "slice_columns: {} columns from column {} on, but x is {}", count, first, x.shape().text());
  Variable<T> y = tape.result({x.rows(), count}, x.wants_gradient());
  const SliceColumnsForward<T> args{
      .rows = x.rows(), .columns = x.columns(), .first = first, .count = count, .x = x.data(), .y = y.data()};
  slice_columns_forward(tape.context(), args);
  if (!y.wants_gradient()) return y;
  tape.record([=](Tape<T>& t) {
    if (const T* dy = t.gradient(y))
      slice_columns_backward<T>(t.context(), {.forward = args, .dy = dy, .dx = t.sink(x)});
  });
  return y;
}

template Variable<float> slice_columns(Tape<float>&, Variable<float>, int, int);
template Variable<double> slice_columns(Tape<double>&, Variable<double>, int, int);

}  // namespace ethreed
