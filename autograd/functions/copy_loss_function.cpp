#include "autograd/functions/copy_loss_function.h"

#include <algorithm>

namespace ethreed {

namespace {

constexpr const char* who = "copy_loss";

template <class T>
void check_arguments(const RowLayout& layout, Variable<T> logits, Variable<T> gate_logit, Variable<T> weights,
                     Indices source_ids, Indices targets, const LabelSmoothing& how) {
  check_row_layout(who, layout);
  const int tokens = layout.targets();
  ETHREED_CHECK(logits && logits.shape().rank() == 2 && logits.rows() == tokens && logits.columns() >= 1,
                "{}: logits is {}, wanted one row of words for each of the {} target tokens", who,
                logits ? logits.shape().text() : "absent", tokens);
  ETHREED_CHECK(gate_logit && gate_logit.value().count() == tokens, "{}: gate_logit is {}, wanted [{}]", who,
                gate_logit ? gate_logit.shape().text() : "absent", tokens);
  ETHREED_CHECK(weights && weights.value().count() == layout.weights(), "{}: weights is {}, wanted [{}]", who,
                weights ? weights.shape().text() : "absent", layout.weights());
  const int words = logits.columns();
  ETHREED_CHECK(source_ids.size() == layout.sources(), "{}: got {} source ids, the layout has {} source tokens", who,
                source_ids.size(), layout.sources());
  for (int j = 0; j < source_ids.size(); ++j)
    ETHREED_CHECK(source_ids[j] >= -1, "{}: source id {} is {}, wanted 0 or more, or -1 for no word", who, j,
                  source_ids[j]);
  ETHREED_CHECK(targets.size() == tokens, "{}: got {} targets, the layout has {} target tokens", who, targets.size(),
                tokens);
  const auto is_there = [&](int row, std::int32_t word) {
    const Indices of_row = source_ids.subspan(layout.source(row), layout.source_count(row));
    return std::find(of_row.begin(), of_row.end(), word) != of_row.end();
  };
  for (int r = 0; r < layout.rows(); ++r)
    for (int i = layout.target(r); i < layout.target(r + 1); ++i)
      ETHREED_CHECK(
          targets[i] >= -1 && (targets[i] < words || is_there(r, targets[i])),
          "{}: target {} is {}, wanted 0 to {}, a word of its row's source from {} on, or -1 for a token that "
          "counts nothing",
          who, i, targets[i], words - 1, words);
  ETHREED_CHECK(how.excluded >= -1 && how.excluded < words, "{}: word {} is to be excluded, wanted 0 to {}, or -1", who,
                how.excluded, words - 1);
  ETHREED_CHECK(how.smoothing >= 0 && how.smoothing < 1, "{}: smoothing is {}, wanted 0 to below 1", who,
                how.smoothing);
  ETHREED_CHECK(how.smoothing == 0 || words - (how.excluded < 0 ? 1 : 2) >= 1,
                "{}: a smoothing of {} over {} words, {} excluded: there is no word to share it", who, how.smoothing,
                words, how.excluded < 0 ? 0 : 1);
}

}  // namespace

template <class T>
VocabularyLoss<T> copy_loss(Tape<T>& tape, const RowLayout& layout, Variable<T> logits, Variable<T> gate_logit,
                            Variable<T> weights, Indices source_ids, Indices targets, LabelSmoothing how) {
  check_arguments(layout, logits, gate_logit, weights, source_ids, targets, how);
  const Context& context = tape.context();
  const int tokens = layout.targets();
  const VocabularyLoss<T> result{
      .loss =
          tape.result({tokens, 1}, logits.wants_gradient() || gate_logit.wants_gradient() || weights.wants_gradient()),
      .nll = tape.result({tokens, 1}, false)};
  const CopyLossForward<T> args{.layout = layout,
                                .vocabulary = logits.columns(),
                                .smoothing = static_cast<T>(how.smoothing),
                                .excluded = how.excluded,
                                .logits = logits.data(),
                                .targets = context.keep(targets).data(),
                                .loss = result.loss.data(),
                                .nll = result.nll.data(),
                                .lse = context.values.template allocate<math::LogSumExp<T>>(tokens),
                                .gate_logit = gate_logit.data(),
                                .weights = weights.data(),
                                .source_ids = source_ids.data(),
                                .rate = context.values.template allocate<T>(layout.weights())};
  copy_loss_forward(tape.context(), args);
  if (!result.loss.wants_gradient()) return result;
  tape.record([=](Tape<T>& t) {
    const T* arrived = t.gradient(result.loss);
    if (arrived == nullptr) return;
    // In place unless the gradient has a place already, as in vocabulary_loss.
    const bool has_place = logits.node()->gradient != nullptr || logits.node()->whole != nullptr;
    copy_loss_backward<T>(t.context(), {.forward = args,
                                        .dloss = arrived,
                                        .dlogits = has_place ? t.sink(logits) : t.sink_in_place(logits),
                                        .dgate_logit = t.sink(gate_logit),
                                        .dweights = t.sink(weights)});
  });
  return result;
}

template VocabularyLoss<float> copy_loss(Tape<float>&, const RowLayout&, Variable<float>, Variable<float>,
                                         Variable<float>, Indices, Indices, LabelSmoothing);
template VocabularyLoss<double> copy_loss(Tape<double>&, const RowLayout&, Variable<double>, Variable<double>,
                                          Variable<double>, Indices, Indices, LabelSmoothing);

}  // namespace ethreed
