// Claims of the tape, with linear as the differentiable function.

#include "autograd/functions/linear_function.h"
#include "kernels/common/operation.h"

#include <catch2/catch.hpp>

#include <limits>
#include <vector>

using namespace ethreed;
using Catch::Contains;

namespace {

/// y = weight · x for one row, two inputs, one output: dy/dx = weight, dy/dweight = x.
struct Scalar {
  Runtime runtime;
  Context context = runtime.context();
  Tensor<double> x = filled({1, 2}, {3, 5});
  Tensor<double> weight = filled({1, 2}, {7, 11});
  std::vector<double> dx = std::vector<double>(2, std::numeric_limits<double>::quiet_NaN());
  std::vector<double> dweight = dx;

  static Tensor<double> filled(Shape shape, std::vector<double> values) {
    Tensor<double> tensor(shape);
    std::copy(values.begin(), values.end(), tensor.data());
    return tensor;
  }
  Variable<double> x_on(Tape<double>& tape) { return tape.parameter(x.view(), dx.data()); }
  Variable<double> weight_on(Tape<double>& tape) { return tape.parameter(weight.view(), dweight.data()); }
};

}  // namespace

TEST_CASE("the first writer of a gradient overwrites what its buffer held") {
  Scalar s;
  Tape<double> tape(s.context);
  const Variable<double> y = linear(tape, {s.x_on(tape)}, s.weight_on(tape), {});
  CHECK(*y.data() == 3 * 7 + 5 * 11);
  tape.backward(y);
  CHECK(s.dx == std::vector<double>{7, 11});
  CHECK(s.dweight == std::vector<double>{3, 5});
}

TEST_CASE("later writers of a gradient add: a variable used by two functions gets the sum") {
  Scalar s;
  Tape<double> tape(s.context);
  const Tensor<double> other = Scalar::filled({1, 2}, {13, 17});
  const Tensor<double> both = Scalar::filled({1, 2}, {1, 100});
  const Variable<double> x = s.x_on(tape);
  const Variable<double> y1 = linear(tape, {x}, s.weight_on(tape), {});
  const Variable<double> y2 = linear(tape, {x}, tape.constant(other.view()), {});
  tape.backward(linear(tape, {y1, y2}, tape.constant(both.view()), {}));
  CHECK(s.dx == std::vector<double>{7 + 100 * 13, 11 + 100 * 17});
  CHECK(s.dweight == std::vector<double>{3, 5});
}

TEST_CASE("a variable used twice by one function gets the sum") {
  Scalar s;
  Tape<double> tape(s.context);
  const Tensor<double> wide = Scalar::filled({1, 4}, {1, 2, 10, 20});
  const Variable<double> x = s.x_on(tape);
  tape.backward(linear(tape, {x, x}, tape.constant(wide.view()), {}));
  CHECK(s.dx == std::vector<double>{11, 22});
}

TEST_CASE("seeding an output adds to the gradient that arrives from its other uses") {
  Scalar s;
  Tape<double> tape(s.context);
  const Tensor<double> ten = Scalar::filled({1, 1}, {10});
  const double one = 1;
  const Variable<double> y = linear(tape, {s.x_on(tape)}, tape.constant(s.weight.view()), {});
  const Variable<double> z = linear(tape, {y}, tape.constant(ten.view()), {});
  tape.seed(y, &one);
  tape.seed(z, &one);
  tape.run();
  CHECK(s.dx == std::vector<double>{11 * 7, 11 * 11});
}

TEST_CASE("without recording no value wants a gradient, and backward is refused") {
  Scalar s;
  Tape<double> tape(s.context, false);
  const Variable<double> x = s.x_on(tape);
  const Variable<double> y = linear(tape, {x}, s.weight_on(tape), {});
  CHECK(*y.data() == 76);
  CHECK_FALSE(x.wants_gradient());
  CHECK_FALSE(y.wants_gradient());
  CHECK_THROWS_WITH(tape.backward(y), Contains("without recording"));
}

TEST_CASE("constants get no gradient, nor does what is made of constants alone") {
  Scalar s;
  Tape<double> tape(s.context);
  const Variable<double> x = tape.constant(s.x.view());
  const Variable<double> y = linear(tape, {x}, tape.constant(s.weight.view()), {});
  CHECK_FALSE(tape.sink(x));
  CHECK_FALSE(y.wants_gradient());
  CHECK(tape.gradient(y) == nullptr);
}

TEST_CASE("a result that the loss does not use costs nothing and reaches nobody") {
  Scalar s;
  Tape<double> tape(s.context);
  const Variable<double> unused = linear(tape, {s.x_on(tape)}, tape.constant(s.weight.view()), {});
  const Variable<double> y = linear(tape, {tape.constant(s.x.view())}, s.weight_on(tape), {});
  tape.backward(y);
  CHECK(tape.gradient(unused) == nullptr);
  CHECK(tape.gradient_or_zeros(unused)[0] == 0);
  CHECK(s.dx[0] != s.dx[0]);  // still the NaN it held
  CHECK(s.dweight == std::vector<double>{3, 5});
}

TEST_CASE("backward wants a loss of one element") {
  Scalar s;
  Tape<double> tape(s.context);
  CHECK_THROWS_WITH(tape.backward(s.x_on(tape)), Contains("one element"));
  CHECK_THROWS_WITH(tape.backward({}), Contains("one element"));
}

TEST_CASE("sink_in_place turns the value's memory into its gradient") {
  Scalar s;
  Tape<double> tape(s.context);
  const Variable<double> y = linear(tape, {s.x_on(tape)}, tape.constant(s.weight.view()), {});
  const GradientSink<double> sink = tape.sink_in_place(y);
  CHECK(sink.data == y.data());
  CHECK_FALSE(sink.accumulate);
  *sink.data = 2;
  tape.run();
  CHECK(s.dx == std::vector<double>{14, 22});
}

TEST_CASE("sink_in_place refuses a value that has a second consumer") {
  Scalar s;
  Tape<double> tape(s.context);
  const Variable<double> y = linear(tape, {s.x_on(tape)}, tape.constant(s.weight.view()), {});
  tape.sink(y);
  CHECK_THROWS_WITH(tape.sink_in_place(y), Contains("second consumer"));
}

TEST_CASE("a second identical step takes no memory from the system") {
  Scalar s;
  const Tensor<double> wide = random_tensor<double>({400, 400}, 1, 1);
  const Tensor<double> rows = random_tensor<double>({400, 400}, 1, 2);
  std::vector<double> gradient(400 * 400);
  const auto step = [&] {
    s.runtime.arena().reset();
    Tape<double> tape(s.context);
    const Variable<double> w = tape.parameter({const_cast<double*>(wide.data()), wide.shape()}, gradient.data());
    Variable<double> h = tape.constant(rows.view());
    for (int layer = 0; layer < 4; ++layer) h = linear(tape, {h}, w, {}, Activation::tanh);
    tape.seed(h, rows.data());
    tape.run();
  };
  step();
  step();  // the first reset after growth merges the blocks
  const std::size_t reserved = s.runtime.arena().reserved_bytes() + s.runtime.scratch().reserved_bytes();
  const std::vector<double> first = gradient;
  for (int i = 0; i < 3; ++i) step();
  CHECK(s.runtime.arena().reserved_bytes() + s.runtime.scratch().reserved_bytes() == reserved);
  CHECK(gradient == first);
}
