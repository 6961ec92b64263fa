#include "autograd/functions/pointer_mixture_function.h"

#include <algorithm>

namespace ethreed {

namespace {

void check_words(const RowLayout& layout, int vocabulary, Indices source_ids, Indices targets) {
  ETHREED_CHECK(source_ids.size() == layout.sources(),
                "pointer_mixture: got {} source ids, the layout has {} source tokens", source_ids.size(),
                layout.sources());
  ETHREED_CHECK(targets.size() == layout.targets(), "pointer_mixture: got {} targets, the layout has {} target tokens",
                targets.size(), layout.targets());
  for (int r = 0; r < layout.rows(); ++r) {
    const auto source = source_ids.subspan(layout.source(r), layout.source_count(r));
    for (const std::int32_t id : source)
      ETHREED_CHECK(id >= 0, "pointer_mixture: row {} has the source id {}, wanted 0 or more", r, id);
    for (int i = 0; i < layout.target_count(r); ++i) {
      const std::int32_t id = targets[layout.target(r) + i];
      ETHREED_CHECK(id >= 0, "pointer_mixture: target {} of row {} is {}, wanted 0 or more", i, r, id);
      ETHREED_CHECK(id < vocabulary || std::find(source.begin(), source.end(), id) != source.end(),
                    "pointer_mixture: target {} of row {} is {}, beyond the vocabulary of {} and not in the row's "
                    "source; map such a word to UNK",
                    i, r, id, vocabulary);
    }
  }
}

}  // namespace

template <class T>
Variable<T> pointer_mixture(Tape<T>& tape, const RowLayout& layout, Variable<T> logits, Variable<T> gate_logit,
                            Variable<T> weights, Indices source_ids, Indices targets) {
  check_row_layout("pointer_mixture", layout);
  const int tokens = layout.targets();
  ETHREED_CHECK(logits.rows() == tokens && logits.columns() >= 1,
                "pointer_mixture: logits is {}, wanted one row for each of the {} target tokens", logits.shape().text(),
                tokens);
  ETHREED_CHECK(gate_logit.value().count() == tokens, "pointer_mixture: gate_logit is {}, wanted [{}]",
                gate_logit.shape().text(), tokens);
  ETHREED_CHECK(weights.value().count() == layout.weights(), "pointer_mixture: weights is {}, wanted [{}]",
                weights.shape().text(), layout.weights());
  check_words(layout, logits.columns(), source_ids, targets);

  Arena& values = tape.context().values;
  Variable<T> log_probability =
      tape.result({tokens, 1}, logits.wants_gradient() || gate_logit.wants_gradient() || weights.wants_gradient());
  const PointerMixtureForward<T> args{.layout = layout,
                                      .vocabulary = logits.columns(),
                                      .logits = logits.data(),
                                      .gate_logit = gate_logit.data(),
                                      .weights = weights.data(),
                                      .source_ids = source_ids.data(),
                                      .targets = targets.data(),
                                      .log_probability = log_probability.data(),
                                      .lse = values.template allocate<math::LogSumExp<T>>(tokens),
                                      .copy_mass = values.template allocate<T>(tokens)};
  pointer_mixture_forward(tape.context(), args);
  if (!log_probability.wants_gradient()) return log_probability;
  tape.record([=](Tape<T>& t) {
    const T* arrived = t.gradient(log_probability);
    if (arrived == nullptr) return;
    // In place unless the gradient has a place already: that of a parameter, whose value must survive the step, or one
    // that another consumer has taken.
    const bool has_place = logits.node()->gradient != nullptr;
    pointer_mixture_backward<T>(t.context(), {.forward = args,
                                              .dlog_probability = arrived,
                                              .dlogits = has_place ? t.sink(logits) : t.sink_in_place(logits),
                                              .dgate_logit = t.sink(gate_logit),
                                              .dweights = t.sink(weights)});
  });
  return log_probability;
}

template Variable<float> pointer_mixture(Tape<float>&, const RowLayout&, Variable<float>, Variable<float>,
                                         Variable<float>, Indices, Indices);
template Variable<double> pointer_mixture(Tape<double>&, const RowLayout&, Variable<double>, Variable<double>,
                                          Variable<double>, Indices, Indices);

}  // namespace ethreed
