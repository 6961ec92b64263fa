#include "autograd/functions/linear_function.h"

namespace ethreed {

template <class T>
Variable<T> linear(Tape<T>& tape, std::initializer_list<Variable<T>> x, Variable<T> weight, Variable<T> bias,
                   Activation activation, Variable<T> onto) {
  ETHREED_CHECK(x.size() >= 1 && x.size() <= linear_max_parts, "linear: got {} inputs, wanted 1 to {}", x.size(),
                linear_max_parts);
  LinearForward<T> args{.rows = x.begin()->rows(), .out = weight.rows(), .parts = count_of(x)};
  std::array<Variable<T>, linear_max_parts> inputs{};
  int columns = 0;
  bool wanted = weight.wants_gradient() || bias.wants_gradient();
  for (std::size_t p = 0; p < x.size(); ++p) {
    inputs[p] = x.begin()[p];
    ETHREED_CHECK(inputs[p].rows() == args.rows, "linear: input {} has {} rows, the first one has {}", p,
                  inputs[p].rows(), args.rows);
    args.x[p] = inputs[p].data();
    args.columns[p] = inputs[p].columns();
    columns += args.columns[p];
    wanted = wanted || inputs[p].wants_gradient();
  }
  ETHREED_CHECK(weight.columns() == columns, "linear: weight is {}, the inputs have {} columns", weight.shape().text(),
                columns);
  ETHREED_CHECK(!bias || bias.value().count() == args.out, "linear: bias is {}, wanted [{}]", bias.shape().text(),
                args.out);
  ETHREED_CHECK(!onto || (onto.rows() == args.rows && onto.columns() == args.out),
                "linear: is to be added to {}, wanted [{}, {}]", onto.shape().text(), args.rows, args.out);
  ETHREED_CHECK(!onto || (!tape.recording() && activation == Activation::none),
                "linear: is added to a value only without an activation and where nothing is recorded");
  const Variable<T> y = onto ? onto : tape.result({args.rows, args.out}, wanted);
  args.weight = weight.data();
  args.bias = bias ? bias.data() : nullptr;
  args.activation = activation;
  args.y = y.data();
  args.accumulate = static_cast<bool>(onto);
  if (const PackedMatrix<T>* packed = weight.node()->packed) {
    ETHREED_CHECK(args.parts == 1 && !tape.recording(), "linear: a packed weight is for one input and no gradient");
    args.packed = packed;
  }
  if (activation == Activation::gelu)
    args.z = y.wants_gradient() ? tape.context().values.template allocate<T>(y.value().count()) : args.y;
  linear_forward(tape.context(), args);
  if (!y.wants_gradient()) return y;
  tape.record([=](Tape<T>& t) {
    const T* dy = t.gradient(y);
    if (dy == nullptr) return;
    LinearBackward<T> back{.forward = args, .dy = dy};
    for (std::size_t p = 0; p < inputs.size(); ++p) back.dx[p] = t.sink(inputs[p]);
    back.dweight = t.sink(weight);
    back.dbias = t.sink(bias);
    linear_backward(t.context(), back);
  });
  return y;
}

template Variable<float> linear(Tape<float>&, std::initializer_list<Variable<float>>, Variable<float>, Variable<float>,
                                Activation, Variable<float>);
template Variable<double> linear(Tape<double>&, std::initializer_list<Variable<double>>, Variable<double>,
                                 Variable<double>, Activation, Variable<double>);

}  // namespace ethreed
