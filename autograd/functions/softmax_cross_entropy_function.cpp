#include "autograd/functions/softmax_cross_entropy_function.h"

namespace ethreed {

template <class T> Variable<T> softmax_cross_entropy(Tape<T>& tape, Variable<T> logits, Indices labels) {
  const int rows = logits.rows();
  const int classes = logits.columns();
  ETHREED_CHECK(classes >= 1, "softmax_cross_entropy: logits is {}, wanted at least one class", logits.shape().text());
  ETHREED_CHECK(labels.size() == rows, "softmax_cross_entropy: got {} labels for logits of {}", labels.size(),
                logits.shape().text());
  for (int i = 0; i < labels.size(); ++i)
    ETHREED_CHECK(labels[i] >= -1 && labels[i] < classes,
                  "softmax_cross_entropy: label of row {} is {}, wanted 0 to {}, or -1 for none", i, labels[i],
                  classes - 1);
  Variable<T> nll = tape.result({rows}, logits.wants_gradient());
  const SoftmaxCrossEntropyForward<T> args{.rows = rows,
                                           .classes = classes,
                                           .logits = logits.data(),
                                           .labels = labels.data(),
                                           .nll = nll.data(),
                                           .lse = tape.context().values.template allocate<math::LogSumExp<T>>(rows)};
  softmax_cross_entropy_forward(tape.context(), args);
  if (!nll.wants_gradient()) return nll;
  tape.record([=](Tape<T>& t) {
    const T* dnll = t.gradient(nll);
    if (dnll == nullptr) return;
    softmax_cross_entropy_backward<T>(t.context(), {.forward = args, .dnll = dnll, .dlogits = t.sink(logits)});
  });
  return nll;
}

template Variable<float> softmax_cross_entropy(Tape<float>&, Variable<float>, Indices);
template Variable<double> softmax_cross_entropy(Tape<double>&, Variable<double>, Indices);

}  // namespace ethreed
