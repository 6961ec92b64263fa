#include "autograd/functions/elementwise_function.h"

namespace ethreed {

namespace {

/// b is null where the function has one input, and its variable absent where no gradient is wanted.
template <class T>
Variable<T> run(Tape<T>& tape, int function, Variable<T> a, Variable<T> b, std::type_identity_t<const T*> b_values) {
  Variable<T> y = tape.result(a.shape(), a.wants_gradient() || b.wants_gradient());
  const ElementwiseForward<T> args{
      .function = function, .count = a.value().count(), .a = a.data(), .b = b_values, .y = y.data()};
  elementwise_forward(tape.context(), args);
  if (!y.wants_gradient()) return y;
  tape.record([=](Tape<T>& t) {
    if (const T* dy = t.gradient(y))
      elementwise_backward<T>(t.context(), {.forward = args, .dy = dy, .da = t.sink(a), .db = t.sink(b)});
  });
  return y;
}

}  // namespace

template <class T> Variable<T> apply(Tape<T>& tape, int function, std::string_view name, Variable<T> a, Variable<T> b) {
  ETHREED_CHECK(a && b, "{}: variable {} is absent", name, a ? "b" : "a");
  ETHREED_CHECK(a.shape() == b.shape(), "{}: a is {}, b is {}, wanted the same shape", name, a.shape().text(),
                b.shape().text());
  return run(tape, function, a, b, b.data());
}

template <class T> Variable<T> apply(Tape<T>& tape, int function, std::string_view name, Variable<T> a) {
  ETHREED_CHECK(a, "{}: its variable is absent", name);
  return run(tape, function, a, Variable<T>{}, nullptr);
}

template <class T> Variable<T> masked(Tape<T>& tape, Variable<T> x, std::type_identity_t<const T*> mask) {
  ETHREED_CHECK(x, "masked: x is absent");
  return mask == nullptr ? x : run(tape, elementwise::number_of<elementwise::Multiply>, x, Variable<T>{}, mask);
}

template Variable<float> apply(Tape<float>&, int, std::string_view, Variable<float>, Variable<float>);
template Variable<double> apply(Tape<double>&, int, std::string_view, Variable<double>, Variable<double>);
template Variable<float> apply(Tape<float>&, int, std::string_view, Variable<float>);
template Variable<double> apply(Tape<double>&, int, std::string_view, Variable<double>);
template Variable<float> masked(Tape<float>&, Variable<float>, const float*);
template Variable<double> masked(Tape<double>&, Variable<double>, const double*);

}  // namespace ethreed
