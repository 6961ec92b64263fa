#include "autograd/functions/vocabulary_loss_function.h"

namespace ethreed {

namespace {

template <class T> void check_arguments(Variable<T> logits, Indices targets, const LabelSmoothing& how) {
  constexpr const char* who = "vocabulary_loss";
  ETHREED_CHECK(logits && logits.shape().rank() == 2 && logits.rows() == targets.size() && logits.columns() >= 1,
                "{}: logits is {}, wanted one row of classes for each of the {} targets", who,
                logits ? logits.shape().text() : "absent", targets.size());
  const int classes = logits.columns();
  for (int i = 0; i < targets.size(); ++i)
    ETHREED_CHECK(targets[i] >= -1 && targets[i] < classes,
                  "{}: target {} is {}, wanted 0 to {}, or -1 for a row that counts nothing", who, i, targets[i],
                  classes - 1);
  ETHREED_CHECK(how.excluded >= -1 && how.excluded < classes, "{}: class {} is to be excluded, wanted 0 to {}, or -1",
                who, how.excluded, classes - 1);
  ETHREED_CHECK(how.smoothing >= 0 && how.smoothing < 1, "{}: smoothing is {}, wanted 0 to below 1", who,
                how.smoothing);
  const int others = classes - (how.excluded < 0 ? 1 : 2);
  ETHREED_CHECK(how.smoothing == 0 || others >= 1,
                "{}: a smoothing of {} over {} classes, {} excluded: there is no class to share it", who, how.smoothing,
                classes, how.excluded < 0 ? 0 : 1);
}

}  // namespace

template <class T>
VocabularyLoss<T> vocabulary_loss(Tape<T>& tape, Variable<T> logits, Indices targets, LabelSmoothing how) {
  check_arguments(logits, targets, how);
  const Context& context = tape.context();
  const int rows = logits.rows();
  const VocabularyLoss<T> result{.loss = tape.result({rows, 1}, logits.wants_gradient()),
                                 .nll = tape.result({rows, 1}, false)};
  const VocabularyLossForward<T> args{.rows = rows,
                                      .vocabulary = logits.columns(),
                                      .smoothing = static_cast<T>(how.smoothing),
                                      .excluded = how.excluded,
                                      .logits = logits.data(),
                                      .targets = context.keep(targets).data(),
                                      .loss = result.loss.data(),
                                      .nll = result.nll.data(),
                                      .lse = context.values.template allocate<math::LogSumExp<T>>(rows)};
  vocabulary_loss_forward(tape.context(), args);
  if (!result.loss.wants_gradient()) return result;
  tape.record([=](Tape<T>& t) {
    const T* arrived = t.gradient(result.loss);
    if (arrived == nullptr) return;
    // In place unless the gradient has a place already: that of a parameter, whose value must survive the step, one
    // that another consumer has taken, or a part of a whole matrix's.
    const bool has_place = logits.node()->gradient != nullptr || logits.node()->whole != nullptr;
    vocabulary_loss_backward<T>(
        t.context(),
        {.forward = args, .dloss = arrived, .dlogits = has_place ? t.sink(logits) : t.sink_in_place(logits)});
  });
  return result;
}

template VocabularyLoss<float> vocabulary_loss(Tape<float>&, Variable<float>, Indices, LabelSmoothing);
template VocabularyLoss<double> vocabulary_loss(Tape<double>&, Variable<double>, Indices, LabelSmoothing);

}  // namespace ethreed
