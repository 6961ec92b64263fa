#include "autograd/functions/gather_stacked_rows_function.h"

#include "kernels/gather_rows/gather_rows.h"

namespace ethreed {

template <class T> Variable<T> gather_stacked_rows(Tape<T>& tape, Variable<T> top, Variable<T> bottom, Indices index) {
  const int columns = top.columns();
  const int rows = top.rows() + bottom.rows();
  ETHREED_CHECK(bottom.columns() == columns, "gather_stacked_rows: top is {}, bottom is {}; wanted the same columns",
                top.shape().text(), bottom.shape().text());
  for (const std::int32_t i : index)
    ETHREED_CHECK(i >= 0 && i < rows, "gather_stacked_rows: index {} is out of range, there are {} rows", i, rows);
  const Variable<T> y = tape.result({index.size(), columns}, top.wants_gradient() || bottom.wants_gradient());
  const GatherRowsForward<T> args{.rows = index.size(),
                                  .parts = 2,
                                  .stacked = true,
                                  .source_rows = {top.rows(), bottom.rows()},
                                  .columns = {columns, columns},
                                  .x = {top.data(), bottom.data()},
                                  .index = {tape.context().keep(index).data()},
                                  .y = y.data()};
  gather_rows_forward(tape.context(), args);
  if (!y.wants_gradient()) return y;
  tape.record([=](Tape<T>& t) {
    if (const T* dy = t.gradient(y))
      gather_rows_backward<T>(t.context(), {.forward = args, .dy = dy, .dx = {t.sink(top), t.sink(bottom)}});
  });
  return y;
}

template Variable<float> gather_stacked_rows(Tape<float>&, Variable<float>, Variable<float>, Indices);
template Variable<double> gather_stacked_rows(Tape<double>&, Variable<double>, Variable<double>, Indices);

}  // namespace ethreed
