#include "autograd/functions/time_windows_function.h"

#include <limits>

namespace ethreed {

template <class T> Variable<T> time_windows(Tape<T>& tape, Indices offsets, Variable<T> x, int width, int left) {
  ETHREED_CHECK(!offsets.empty() && offsets[0] == 0,
                "time_windows: offsets has {} entries and starts with {}, wanted segments + 1 that start with 0",
                offsets.size(), offsets.empty() ? 0 : offsets[0]);
  for (int s = 0; s + 1 < offsets.size(); ++s)
    ETHREED_CHECK(offsets[s + 1] >= offsets[s],
                  "time_windows: segment {} goes from row {} to {}; offsets must not decrease", s, offsets[s],
                  offsets[s + 1]);
  ETHREED_CHECK(x && x.shape().rank() == 2 && x.rows() == offsets.back(),
                "time_windows: x is {}, wanted [{}, columns] as offsets say", x ? x.shape().text() : "absent",
                offsets.back());
  ETHREED_CHECK(width >= 1 && left >= 0 && left < width,
                "time_windows: width is {} and left {}, wanted a width of 1 or more and left from 0 to width - 1",
                width, left);
  ETHREED_CHECK(x.columns() <= std::numeric_limits<int>::max() / width,
                "time_windows: {} columns in windows of {} are more than a matrix may have", x.columns(), width);
  Variable<T> y = tape.result({x.rows(), std::int64_t{width} * x.columns()}, x.wants_gradient());
  const TimeWindowsForward<T> args{.offsets = tape.context().keep(offsets),
                                   .columns = x.columns(),
                                   .width = width,
                                   .left = left,
                                   .x = x.data(),
                                   .y = y.data()};
  time_windows_forward(tape.context(), args);
  if (!y.wants_gradient()) return y;
  tape.record([=](Tape<T>& t) {
    if (const T* dy = t.gradient(y))
      time_windows_backward<T>(t.context(), {.forward = args, .dy = dy, .dx = t.sink(x)});
  });
  return y;
}

template Variable<float> time_windows(Tape<float>&, Indices, Variable<float>, int, int);
template Variable<double> time_windows(Tape<double>&, Indices, Variable<double>, int, int);

}  // namespace ethreed
