#include "autograd/functions/coverage_attention_function.h"

namespace ethreed {

namespace {

template <class T>
void check_shapes(const RowLayout& layout, Variable<T> query, Variable<T> keys, Variable<T> values,
                  Variable<T> coverage_weight, Variable<T> bias) {
  constexpr const char* who = "coverage_attention";
  check_row_layout(who, layout);
  ETHREED_CHECK(query && keys && values && coverage_weight && bias,
                "{}: query, keys, values, coverage_weight and bias must all be there", who);
  ETHREED_CHECK(query.rows() == layout.targets(), "{}: query is {}, the layout has {} target tokens", who,
                query.shape().text(), layout.targets());
  ETHREED_CHECK(keys.rows() == layout.sources() && keys.columns() == query.columns(), "{}: keys is {}, wanted [{}, {}]",
                who, keys.shape().text(), layout.sources(), query.columns());
  ETHREED_CHECK(values.rows() == layout.sources(), "{}: values is {}, the layout has {} source tokens", who,
                values.shape().text(), layout.sources());
  ETHREED_CHECK(coverage_weight.value().count() == 1, "{}: coverage_weight is {}, wanted [1]", who,
                coverage_weight.shape().text());
  ETHREED_CHECK(bias.value().count() == 1, "{}: bias is {}, wanted [1]", who, bias.shape().text());
}

}  // namespace

template <class T>
CoverageAttention<T> coverage_attention(Tape<T>& tape, RowLayout layout, Variable<T> query, Variable<T> keys,
                                        Variable<T> values, Variable<T> coverage_weight, Variable<T> bias,
                                        const T* coverage_initial, bool unbounded) {
  check_shapes(layout, query, keys, values, coverage_weight, bias);
  const Context& context = tape.context();
  layout = {context.keep(layout.source_offsets), context.keep(layout.target_offsets),
            context.keep(layout.weight_offsets)};
  // Unbounded, the bias moves all energies of a softmax alike: its gradient is 0, not what rounding makes of it.
  const Variable<T> moved_by = unbounded ? Variable<T>{} : bias;
  const bool wanted = query.wants_gradient() || keys.wants_gradient() || values.wants_gradient() ||
                      coverage_weight.wants_gradient() || moved_by.wants_gradient();
  const CoverageAttention<T> result{.weights = tape.result({layout.weights()}, wanted),
                                    .context = tape.result({layout.targets(), values.columns()}, wanted),
                                    .coverage_loss = tape.result({layout.targets()}, wanted)};
  const CoverageAttentionForward<T> args{.layout = layout,
                                         .query_columns = query.columns(),
                                         .value_columns = values.columns(),
                                         .unbounded = unbounded,
                                         .query = query.data(),
                                         .keys = keys.data(),
                                         .values = values.data(),
                                         .coverage_weight = coverage_weight.data(),
                                         .bias = bias.data(),
                                         .coverage_initial = coverage_initial,
                                         .weights = result.weights.data(),
                                         .context = result.context.data(),
                                         .coverage_loss = result.coverage_loss.data(),
                                         .energy = context.values.allocate<T>(layout.weights())};
  coverage_attention_forward(tape.context(), args);
  if (!result.context.wants_gradient()) return result;
  tape.record([=](Tape<T>& t) {
    if (!t.gradient(result.weights) && !t.gradient(result.context) && !t.gradient(result.coverage_loss)) return;
    const CoverageAttentionBackward<T> back{.forward = args,
                                            .dweights = t.gradient_or_zeros(result.weights),
                                            .dcontext = t.gradient_or_zeros(result.context),
                                            .dcoverage_loss = t.gradient_or_zeros(result.coverage_loss),
                                            .dquery = t.sink(query),
                                            .dkeys = t.sink(keys),
                                            .dvalues = t.sink(values),
                                            .dcoverage_weight = t.sink(coverage_weight),
                                            .dbias = t.sink(moved_by)};
    coverage_attention_backward(t.context(), back);
  });
  return result;
}

template CoverageAttention<float> coverage_attention(Tape<float>&, RowLayout, Variable<float>, Variable<float>,
                                                     Variable<float>, Variable<float>, Variable<float>, const float*,
                                                     bool);
template CoverageAttention<double> coverage_attention(Tape<double>&, RowLayout, Variable<double>, Variable<double>,
                                                      Variable<double>, Variable<double>, Variable<double>,
                                                      const double*, bool);

}  // namespace ethreed
