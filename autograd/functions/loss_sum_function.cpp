#include "autograd/functions/loss_sum_function.h"

namespace ethreed {

namespace {

/// Element k of the losses as a variable of its own; its gradient is stored next to the others.
template <class T> Variable<T> element(Tape<T>& tape, T* y, T* gradients, std::int64_t k, bool wanted) {
  const View<T> view(y + k, {1});
  return wanted ? tape.parameter(view, gradients + k) : tape.constant(view);
}

}  // namespace

template <class T> LossSum<T> loss_sum(Tape<T>& tape, std::span<const LossTerm<T>> terms) {
  ETHREED_CHECK(terms.size() >= 1 && terms.size() <= loss_sum_max_terms, "loss_sum: got {} terms, wanted 1 to {}",
                terms.size(), loss_sum_max_terms);
  LossSumForward<T> args{.terms = count_of(terms)};
  std::array<Variable<T>, loss_sum_max_terms> x{};
  bool wanted = false;
  for (std::size_t k = 0; k < terms.size(); ++k) {
    x[k] = terms[k].x;
    ETHREED_CHECK(x[k], "loss_sum: term {} has no variable", k);
    args.count[k] = x[k].value().count();
    args.scale[k] = terms[k].scale;
    args.weight[k] = terms[k].weight;
    args.x[k] = x[k].data();
    wanted = wanted || x[k].wants_gradient();
  }
  LossSum<T> out{.all = tape.result({std::int64_t{args.terms} + 1}, false)};
  args.y = out.all.data();
  loss_sum_forward(tape.context(), args);
  wanted = wanted && tape.recording();
  T* gradients = wanted ? tape.context().values.template allocate<T>(std::int64_t{args.terms} + 1) : nullptr;
  for (std::size_t k = 0; k < terms.size(); ++k)
    out.term[k] = element(tape, args.y, gradients, static_cast<std::int64_t>(k), wanted && x[k].wants_gradient());
  out.total = element(tape, args.y, gradients, args.terms, wanted);
  if (!wanted) return out;
  tape.record([=](Tape<T>& t) {
    LossSumBackward<T> back{.forward = args, .dtotal = t.gradient(out.total)};
    bool arrived = back.dtotal != nullptr;
    for (int k = 0; k < args.terms; ++k) {
      back.dy[k] = t.gradient(out.term[k]);
      arrived = arrived || back.dy[k] != nullptr;
    }
    if (!arrived) return;
    for (int k = 0; k < args.terms; ++k)
      if (back.dy[k] != nullptr || back.dtotal != nullptr) back.dx[k] = t.sink(x[k]);
    loss_sum_backward(t.context(), back);
  });
  return out;
}

template LossSum<float> loss_sum(Tape<float>&, std::span<const LossTerm<float>>);
template LossSum<double> loss_sum(Tape<double>&, std::span<const LossTerm<double>>);

}  // namespace ethreed
