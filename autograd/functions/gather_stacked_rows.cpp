#include "autograd/functions/gather_stacked_rows.h"

#include "kernels/gather_rows/gather_rows.h"

#include <algorithm>

namespace ethreed {

namespace {

// Arguments that gather one tensor's share; rows of the other tensor have index −1.
template <class T> GatherRowsForward<T> share(Variable<T> x, std::span<const std::int32_t> index) {
  return {.rows = static_cast<int>(index.size()),
          .parts = 1,
          .source_rows = {x.rows()},
          .columns = {x.columns()},
          .x = {x.data()},
          .index = {index.data()}};
}

}  // namespace

template <class T>
Variable<T> gather_stacked_rows(Tape<T>& tape, Variable<T> top, Variable<T> bottom,
                                std::span<const std::int32_t> index) {
  const int columns = top.columns();
  const int split = top.rows();
  ETHREED_CHECK(bottom.columns() == columns, "gather_stacked_rows: top is {}, bottom is {}; wanted the same columns",
                top.shape().text(), bottom.shape().text());
  for (const std::int32_t i : index)
    ETHREED_CHECK(i >= 0 && i < split + bottom.rows(),
                  "gather_stacked_rows: index {} is out of range, there are {} rows", i, split + bottom.rows());
  const auto count = static_cast<std::int64_t>(index.size());
  Variable<T> y = tape.result({count, columns}, top.wants_gradient() || bottom.wants_gradient());
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int32_t row = index[static_cast<std::size_t>(i)];
    std::copy_n(row < split ? top.value().row(row) : bottom.value().row(row - split), columns, y.value().row(i));
  }
  if (!y.wants_gradient()) return y;
  auto top_index = tape.context().arena.template allocate_span<std::int32_t>(count);
  auto bottom_index = tape.context().arena.template allocate_span<std::int32_t>(count);
  std::transform(index.begin(), index.end(), top_index.begin(), [&](std::int32_t i) { return i < split ? i : -1; });
  std::transform(index.begin(), index.end(), bottom_index.begin(),
                 [&](std::int32_t i) { return i < split ? -1 : i - split; });
  tape.record([=](Tape<T>& t) {
    const T* dy = t.gradient(y);
    if (dy == nullptr) return;
    gather_rows_backward(t.context(),
                         GatherRowsBackward<T>{.forward = share(top, top_index), .dy = dy, .dx = {t.sink(top)}});
    gather_rows_backward(
        t.context(), GatherRowsBackward<T>{.forward = share(bottom, bottom_index), .dy = dy, .dx = {t.sink(bottom)}});
  });
  return y;
}

template Variable<float> gather_stacked_rows(Tape<float>&, Variable<float>, Variable<float>,
                                             std::span<const std::int32_t>);
template Variable<double> gather_stacked_rows(Tape<double>&, Variable<double>, Variable<double>,
                                              std::span<const std::int32_t>);

}  // namespace ethreed
