#include "autograd/functions/layer_norm_function.h"

#include <cmath>

namespace ethreed {

template <class T>
Variable<T> layer_norm(Tape<T>& tape, Variable<T> x, Variable<T> gamma, Variable<T> beta, LayerNormForm form,
                       double epsilon, Variable<T> into) {
  const int least = form == LayerNormForm::usual ? 1 : 2;
  ETHREED_CHECK(x && x.shape().rank() == 2 && x.columns() >= least,
                "layer_norm: x is {}, wanted [rows, columns] with {} columns at least", x ? x.shape().text() : "absent",
                least);
  for (const auto& [name, parameter] : {std::pair("gamma", gamma), std::pair("beta", beta)})
    ETHREED_CHECK(parameter && parameter.shape().count() == x.columns(), "layer_norm: {} is {}, wanted [{}]", name,
                  parameter ? parameter.shape().text() : "absent", x.columns());
  ETHREED_CHECK(epsilon > 0 && std::isfinite(epsilon), "layer_norm: epsilon is {}, wanted a number above 0", epsilon);
  ETHREED_CHECK(!into || into.shape() == x.shape(), "layer_norm: is to be written into {}, wanted {}",
                into.shape().text(), x.shape().text());
  ETHREED_CHECK(!into || !tape.recording(), "layer_norm: is written into a value only where nothing is recorded");

  Arena& values = tape.context().values;
  const bool wanted = x.wants_gradient() || gamma.wants_gradient() || beta.wants_gradient();
  const Variable<T> y = into ? into : tape.result(x.shape(), wanted);
  const LayerNormForward<T> args{.form = form,
                                 .rows = x.rows(),
                                 .columns = x.columns(),
                                 .epsilon = static_cast<T>(epsilon),
                                 .x = x.data(),
                                 .gamma = gamma.data(),
                                 .beta = beta.data(),
                                 .mean = values.template allocate<T>(x.rows()),
                                 .deviation = values.template allocate<T>(x.rows()),
                                 .y = y.data()};
  layer_norm_forward(tape.context(), args);
  if (!y.wants_gradient()) return y;
  tape.record([=](Tape<T>& t) {
    if (const T* dy = t.gradient(y))
      layer_norm_backward<T>(
          t.context(), {.forward = args, .dy = dy, .dx = t.sink(x), .dgamma = t.sink(gamma), .dbeta = t.sink(beta)});
  });
  return y;
}

template Variable<float> layer_norm(Tape<float>&, Variable<float>, Variable<float>, Variable<float>, LayerNormForm,
                                    double, Variable<float>);
template Variable<double> layer_norm(Tape<double>&, Variable<double>, Variable<double>, Variable<double>, LayerNormForm,
                                     double, Variable<double>);

}  // namespace ethreed
