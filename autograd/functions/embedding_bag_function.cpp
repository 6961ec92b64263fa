#include "autograd/functions/embedding_bag_function.h"

#include <string>

namespace ethreed {

namespace {

void check_bags(Indices offsets, Indices ids, int table_rows) {
  ETHREED_CHECK(!offsets.empty() && offsets.front() == 0,
                "embedding_bag: offsets {}; wanted bags + 1 of them, the first one 0",
                offsets.empty() ? "are empty" : "start with " + std::to_string(offsets.front()));
  for (int i = 1; i < offsets.size(); ++i)
    ETHREED_CHECK(offsets[i] >= offsets[i - 1], "embedding_bag: offset {} is {}, less than the one before, {}", i,
                  offsets[i], offsets[i - 1]);
  ETHREED_CHECK(offsets.back() == ids.size(), "embedding_bag: the last offset is {}, wanted the number of ids, {}",
                offsets.back(), ids.size());
  for (int j = 0; j < ids.size(); ++j)
    ETHREED_CHECK(ids[j] >= 0 && ids[j] < table_rows,
                  "embedding_bag: id {} at position {} is outside the table of {} rows", ids[j], j, table_rows);
}

}  // namespace

template <class T>
Variable<T> embedding_bag(Tape<T>& tape, Variable<T> table, Indices offsets, Indices ids,
                          std::type_identity_t<View<const T>> weight) {
  ETHREED_CHECK(table && table.shape().rank() == 2, "embedding_bag: table is {}, wanted [rows, columns]",
                table ? table.shape().text() : "absent");
  check_bags(offsets, ids, table.rows());
  ETHREED_CHECK(weight.data == nullptr || weight.count() == ids.size(),
                "embedding_bag: weight is {}, wanted one for each of {} ids", weight.shape.text(), ids.size());
  EmbeddingBagForward<T> args{.rows = offsets.size() - 1,
                              .table_rows = table.rows(),
                              .columns = table.columns(),
                              .table = table.data(),
                              .offsets = tape.context().keep(offsets).data(),
                              .ids = tape.context().keep(ids).data(),
                              .weight = weight.data};
  Variable<T> y = tape.result({args.rows, args.columns}, table.wants_gradient());
  args.y = y.data();
  embedding_bag_forward(tape.context(), args);
  if (!y.wants_gradient()) return y;
  tape.record([=](Tape<T>& t) {
    if (const T* dy = t.gradient(y))
      embedding_bag_backward<T>(t.context(), {.forward = args, .dy = dy, .dtable = t.sink(table)});
  });
  return y;
}

template Variable<float> embedding_bag(Tape<float>&, Variable<float>, Indices, Indices, View<const float>);
template Variable<double> embedding_bag(Tape<double>&, Variable<double>, Indices, Indices, View<const double>);

}  // namespace ethreed
