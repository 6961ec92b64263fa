#include "autograd/functions/history_attention_function.h"

namespace ethreed {

template <class T>
Variable<T> history_attention(Tape<T>& tape, Packing packing, Variable<T> query, Variable<T> keys, Variable<T> values) {
  check_packing("history_attention", packing);
  ETHREED_CHECK(query && keys && values, "history_attention: query, keys and values must all be there");
  ETHREED_CHECK(query.rows() == packing.rows(), "history_attention: query is {}, the packing has {} rows",
                query.shape().text(), packing.rows());
  ETHREED_CHECK(keys.shape() == query.shape(), "history_attention: keys is {}, query is {}, they must agree",
                keys.shape().text(), query.shape().text());
  ETHREED_CHECK(values.rows() == packing.rows(), "history_attention: values is {}, the packing has {} rows",
                values.shape().text(), packing.rows());
  const Context& context = tape.context();
  const bool wanted = query.wants_gradient() || keys.wants_gradient() || values.wants_gradient();
  const Variable<T> a = tape.result({packing.rows(), values.columns()}, wanted);
  const HistoryAttentionForward<T> args{
      .packing = {context.keep(packing.offsets)},
      .query_columns = query.columns(),
      .value_columns = values.columns(),
      .query = query.data(),
      .keys = keys.data(),
      .values = values.data(),
      .a = a.data(),
      .beta = context.values.allocate<T>(std::int64_t{packing.rows()} * packing.steps())};
  history_attention_forward(tape.context(), args);
  if (!a.wants_gradient()) return a;
  tape.record([=](Tape<T>& t) {
    const T* da = t.gradient(a);
    if (da == nullptr) return;
    const HistoryAttentionBackward<T> back{
        .forward = args, .da = da, .dquery = t.sink(query), .dkeys = t.sink(keys), .dvalues = t.sink(values)};
    history_attention_backward(t.context(), back);
  });
  return a;
}

template Variable<float> history_attention(Tape<float>&, Packing, Variable<float>, Variable<float>, Variable<float>);
template Variable<double> history_attention(Tape<double>&, Packing, Variable<double>, Variable<double>,
                                            Variable<double>);

}  // namespace ethreed
