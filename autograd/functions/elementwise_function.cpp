#include "autograd/functions/elementwise_function.h"

namespace ethreed {

namespace {

/// What is not the arguments' memory.
struct Call {
  int function = 0;
  Broadcast broadcast = Broadcast::none;
  double parameter = 0;
};

/// b is null where the function has one input, and its variable absent where no gradient is wanted.
template <class T>
Variable<T> run(Tape<T>& tape, const Call& call, Variable<T> a, Variable<T> b,
                std::type_identity_t<const T*> b_values) {
  Variable<T> y = tape.result(a.shape(), a.wants_gradient() || b.wants_gradient());
  const ElementwiseForward<T> args{.function = call.function,
                                   .count = a.value().count(),
                                   .broadcast = call.broadcast,
                                   .columns = call.broadcast == Broadcast::none ? 0 : a.value().columns(),
                                   .parameter = static_cast<T>(call.parameter),
                                   .a = a.data(),
                                   .b = b_values,
                                   .y = y.data()};
  elementwise_forward(tape.context(), args);
  if (!y.wants_gradient()) return y;
  tape.record([=](Tape<T>& t) {
    if (const T* dy = t.gradient(y))
      elementwise_backward<T>(t.context(), {.forward = args, .dy = dy, .da = t.sink(a), .db = t.sink(b)});
  });
  return y;
}

/// How b fits to a, or Error.
Broadcast broadcast_of(std::string_view name, const Shape& a, const Shape& b) {
  if (a == b) return Broadcast::none;
  if (a.rank() == 2 && a[1] > 0) {
    if (b == Shape{a[1]} || b == Shape{1, a[1]}) return Broadcast::row;
    if (b == Shape{a[0], 1}) return Broadcast::column;
  }
  fail("{}: a is {}, b is {}, wanted the same shape, or of a matrix one row or one column", name, a.text(), b.text());
}

}  // namespace

template <class T> Variable<T> apply(Tape<T>& tape, int function, std::string_view name, Variable<T> a, Variable<T> b) {
  ETHREED_CHECK(a && b, "{}: variable {} is absent", name, a ? "b" : "a");
  return run(tape, {.function = function, .broadcast = broadcast_of(name, a.shape(), b.shape())}, a, b, b.data());
}

template <class T>
Variable<T> apply(Tape<T>& tape, int function, std::string_view name, Variable<T> a, double parameter) {
  ETHREED_CHECK(a, "{}: its variable is absent", name);
  return run(tape, {.function = function, .parameter = parameter}, a, Variable<T>{}, nullptr);
}

template <class T> Variable<T> masked(Tape<T>& tape, Variable<T> x, std::type_identity_t<const T*> mask) {
  ETHREED_CHECK(x, "masked: x is absent");
  constexpr int multiply = elementwise::number_of<elementwise::Multiply>;
  return mask == nullptr ? x : run(tape, {.function = multiply}, x, Variable<T>{}, mask);
}

template Variable<float> apply(Tape<float>&, int, std::string_view, Variable<float>, Variable<float>);
template Variable<double> apply(Tape<double>&, int, std::string_view, Variable<double>, Variable<double>);
template Variable<float> apply(Tape<float>&, int, std::string_view, Variable<float>, double);
template Variable<double> apply(Tape<double>&, int, std::string_view, Variable<double>, double);
template Variable<float> masked(Tape<float>&, Variable<float>, const float*);
template Variable<double> masked(Tape<double>&, Variable<double>, const double*);

}  // namespace ethreed
