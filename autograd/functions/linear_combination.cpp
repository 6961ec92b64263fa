#include "autograd/functions/linear_combination.h"

namespace ethreed {

template <class T> Variable<T> linear_combination(Tape<T>& tape, std::span<const WeightedTerm<T>> terms) {
  ETHREED_CHECK(terms.size() >= 1 && terms.size() <= linear_combination_max_terms,
                "linear_combination: got {} terms, wanted 1 to {}", terms.size(), linear_combination_max_terms);
  LinearCombinationForward<T> args{.terms = static_cast<int>(terms.size())};
  std::array<Variable<T>, linear_combination_max_terms> inputs{};
  bool wanted = false;
  for (std::size_t k = 0; k < terms.size(); ++k) {
    inputs[k] = terms[k].x;
    ETHREED_CHECK(inputs[k] && inputs[k].value().count() == 1,
                  "linear_combination: term {} is {}, wanted a variable of one element", k,
                  inputs[k] ? inputs[k].shape().text() : "absent");
    args.x[k] = inputs[k].data();
    args.weights[k] = terms[k].weight;
    wanted = wanted || inputs[k].wants_gradient();
  }
  Variable<T> y = tape.result({1}, wanted);
  args.y = y.data();
  linear_combination_forward(tape.context(), args);
  if (!y.wants_gradient()) return y;
  tape.record([=](Tape<T>& t) {
    const T* dy = t.gradient(y);
    if (dy == nullptr) return;
    LinearCombinationBackward<T> back{.forward = args, .dy = dy};
    for (std::size_t k = 0; k < static_cast<std::size_t>(args.terms); ++k) back.dx[k] = t.sink(inputs[k]);
    linear_combination_backward(t.context(), back);
  });
  return y;
}

template Variable<float> linear_combination(Tape<float>&, std::span<const WeightedTerm<float>>);
template Variable<double> linear_combination(Tape<double>&, std::span<const WeightedTerm<double>>);

}  // namespace ethreed
