#include "autograd/functions/policy_divergence_function.h"

namespace ethreed {

template <class T>
Variable<T> policy_divergence(Tape<T>& tape, Variable<T> q_logits, Variable<T> p_logits, bool detach_constraint) {
  ETHREED_CHECK(q_logits.shape() == p_logits.shape() && q_logits.columns() >= 1,
                "policy_divergence: q_logits is {}, p_logits is {}; wanted the same shape, at least one class",
                q_logits.shape().text(), p_logits.shape().text());
  const int rows = q_logits.rows();
  Arena& values = tape.context().values;
  Variable<T> kl = tape.result({rows}, q_logits.wants_gradient() || (!detach_constraint && p_logits.wants_gradient()));
  const PolicyDivergenceForward<T> args{.rows = rows,
                                        .classes = q_logits.columns(),
                                        .q_logits = q_logits.data(),
                                        .p_logits = p_logits.data(),
                                        .kl = kl.data(),
                                        .q_lse = values.template allocate<math::LogSumExp<T>>(rows),
                                        .p_lse = values.template allocate<math::LogSumExp<T>>(rows)};
  policy_divergence_forward(tape.context(), args);
  if (!kl.wants_gradient()) return kl;
  tape.record([=](Tape<T>& t) {
    const T* dkl = t.gradient(kl);
    if (dkl == nullptr) return;
    policy_divergence_backward<T>(t.context(), {.forward = args,
                                                .dkl = dkl,
                                                .dq_logits = t.sink(q_logits),
                                                .dp_logits = detach_constraint ? GradientSink<T>{} : t.sink(p_logits)});
  });
  return kl;
}

template Variable<float> policy_divergence(Tape<float>&, Variable<float>, Variable<float>, bool);
template Variable<double> policy_divergence(Tape<double>&, Variable<double>, Variable<double>, bool);

}  // namespace ethreed
