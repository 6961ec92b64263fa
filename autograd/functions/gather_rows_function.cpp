#include "autograd/functions/gather_rows_function.h"

namespace ethreed {

namespace {

template <class T> void check_part(const GatherPart<T>& part, std::size_t p, int rows) {
  ETHREED_CHECK(part.x, "gather_rows: part {} has no variable", p);
  ETHREED_CHECK(part.index.size() == rows, "gather_rows: part {} has {} indices, the first one has {}", p,
                part.index.size(), rows);
  for (int i = 0; i < rows; ++i)
    ETHREED_CHECK(part.index[i] >= -1 && part.index[i] < part.x.rows(),
                  "gather_rows: index {} of part {} is {}, wanted 0 to {}, or -1 for zeros", i, p, part.index[i],
                  part.x.rows() - 1);
}

}  // namespace

template <class T> Variable<T> gather_rows(Tape<T>& tape, std::initializer_list<GatherPart<T>> parts) {
  ETHREED_CHECK(parts.size() >= 1 && parts.size() <= gather_max_parts, "gather_rows: got {} parts, wanted 1 to {}",
                parts.size(), gather_max_parts);
  const int rows = parts.begin()->index.size();
  GatherRowsForward<T> args{.rows = rows, .parts = count_of(parts)};
  std::array<Variable<T>, gather_max_parts> x{};
  int columns = 0;
  bool wanted = false;
  for (std::size_t p = 0; p < parts.size(); ++p) {
    const GatherPart<T>& part = parts.begin()[p];
    check_part(part, p, rows);
    x[p] = part.x;
    args.source_rows[p] = part.x.rows();
    args.columns[p] = part.x.columns();
    args.x[p] = part.x.data();
    args.index[p] = tape.context().keep(part.index).data();
    columns += args.columns[p];
    wanted = wanted || part.x.wants_gradient();
  }
  Variable<T> y = tape.result({args.rows, columns}, wanted);
  args.y = y.data();
  gather_rows_forward(tape.context(), args);
  if (!y.wants_gradient()) return y;
  tape.record([=](Tape<T>& t) {
    const T* dy = t.gradient(y);
    if (dy == nullptr) return;
    GatherRowsBackward<T> back{.forward = args, .dy = dy};
    for (int p = 0; p < args.parts; ++p) back.dx[p] = t.sink(x[p]);
    gather_rows_backward(t.context(), back);
  });
  return y;
}

template Variable<float> gather_rows(Tape<float>&, std::initializer_list<GatherPart<float>>);
template Variable<double> gather_rows(Tape<double>&, std::initializer_list<GatherPart<double>>);

}  // namespace ethreed
