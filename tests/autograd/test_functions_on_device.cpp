// Functions through the tape on the emulated device: what they hand to their kernels is memory of the device there.

#include "autograd/functions/elementwise_function.h"
#include "autograd/functions/embedding_bag_function.h"
#include "autograd/functions/gather_rows_function.h"
#include "autograd/functions/layer_norm_function.h"
#include "autograd/functions/linear_function.h"
#include "autograd/functions/log_softmax_function.h"
#include "autograd/functions/segment_pooling_function.h"
#include "autograd/functions/slice_columns_function.h"
#include "autograd/functions/time_windows_function.h"
#include "autograd/functions/vocabulary_loss_function.h"
#include "kernels/device/open_device.h"
#include "tests/autograd/function_checks.h"

#include <vector>

using namespace ethreed;
using namespace ethreed::test;

namespace {

/// A tape on the device that records nothing, and constants on it.
struct Door {
  explicit Door(Device where) : device(where) {}
  Context opened() {
    if (device != Device::cpu) runtime.use(open_device(device, runtime.pool()));
    return runtime.context();
  }
  /// Random numbers, of which `seed` says which.
  Variable<double> put(Shape shape, std::uint64_t seed) {
    const Tensor<double>& values = kept.emplace_back(random_tensor<double>(shape, 7, seed));
    return tape.constant(View<const double>(context.to_device(values.data(), values.count()), shape));
  }
  /// Until what was copied to the host is there.
  void wait() {
    if (device != Device::cpu) runtime.device()->synchronize();
  }

  Device device;
  std::vector<Tensor<double>> kept;  // on the CPU a copy to the device is the same memory
  Runtime runtime{2};
  Context context = opened();
  Tape<double> tape{context, false};
};

struct Result {
  std::vector<double> y, dtable;
};

/// log softmax of (bags + tanh of rows) ⊙ mask, all of one table, and its gradient by the table.
Result bags_and_rows(Device device) {
  constexpr std::int64_t rows = 3, columns = 5;
  Runtime runtime(2);
  if (device != Device::cpu) runtime.use(open_device(device, runtime.pool()));
  Context context = runtime.context();
  MemorySource& memory = device == Device::cpu ? host_memory() : runtime.device()->managed();
  Tensor<double> table = random_tensor<double>({6, columns}, 1, 0).clone(memory), dtable({6, columns}, memory);
  const Tensor<double> weights = random_tensor<double>({5}, 1, 1),
                       cotangent = random_tensor<double>({rows, columns}, 1, 2);
  Tensor<double> mask = random_tensor<double>({rows, columns}, 1, 3);
  for (double& m : mask.span()) m = m > 0 ? 2 : 0;

  Tape<double> tape(context);
  const Variable<double> parameter = tape.parameter(table.view(), dtable.data());
  const View<const double> weight(context.to_device(weights.data(), 5), {5});
  Variable<double> bags, picked;
  {  // the indices are gone before the backward
    const Index offsets{0, 3, 3, 5}, ids{4, 0, 4, 2, 0}, index{1, -1, 5};
    bags = embedding_bag<double>(tape, parameter, offsets, ids, weight);
    picked = gather_rows<double>(tape, {{parameter, index}});
  }
  const Variable<double> sum = add(tape, bags, tanh(tape, picked));
  const Variable<double> y = log_softmax(tape, masked(tape, sum, context.to_device(mask.data(), mask.count())));
  tape.seed(y, cotangent.data());
  tape.run();
  const double* values = context.to_host(y.data(), rows * columns);
  if (device != Device::cpu) runtime.device()->synchronize();
  return {{values, values + rows * columns}, {dtable.span().begin(), dtable.span().end()}};
}

}  // namespace

TEST_CASE("bags, sums, masks and log_softmax have the same values and gradients on the emulated device") {
  const Result wanted = bags_and_rows(Device::cpu), got = bags_and_rows(Device::emulated);
  REQUIRE(got.y.size() == 15);
  REQUIRE(got.dtable.size() == 30);
  for (std::size_t k = 0; k < 15; ++k) CHECK(got.y[k] == Approx(wanted.y[k]).epsilon(1e-13));
  for (std::size_t k = 0; k < 30; ++k) CHECK(got.dtable[k] == Approx(wanted.dtable[k]).epsilon(1e-13).margin(1e-15));
  for (int c = 0; c < 5; ++c) CHECK(got.dtable[3 * 5 + c] == 0);  // row 3 is nowhere
}

namespace {

/// The loss of words under a convolution over normed rows with a bias and a scale a row, and its gradient by the table.
Result convolved_words(Device device) {
  constexpr std::int64_t rows = 6, columns = 5, words = 7;
  Runtime runtime(2);
  if (device != Device::cpu) runtime.use(open_device(device, runtime.pool()));
  Context context = runtime.context();
  MemorySource& memory = device == Device::cpu ? host_memory() : runtime.device()->managed();
  std::vector<Tensor<double>> values;
  const Tensor<double> cotangent = random_tensor<double>({rows, 1}, 1, 9);
  Tensor<double> dtable({rows, columns}, memory);
  Tape<double> tape(context);
  std::uint64_t stream = 0;
  const auto constant = [&](Shape shape) {
    values.push_back(random_tensor<double>(shape, 1, ++stream).clone(memory));
    return tape.constant(values.back().view());
  };
  Tensor<double> table = random_tensor<double>({rows, columns}, 1, 0).clone(memory);
  Variable<double> x = tape.parameter(table.view(), dtable.data());
  x = layer_norm(tape, x, constant({columns}), constant({columns}), LayerNormForm::unbiased, 1e-6);
  x = gelu(tape, multiply(tape, add(tape, x, constant({1, columns})), constant({rows, 1})));
  Variable<double> loss;
  {  // the indices are gone before the backward
    const Index offsets{0, 4, 6}, targets{3, -1, 0, 6, 1, 2};
    x = linear(tape, {time_windows<double>(tape, offsets, x, 3, 1)}, constant({words, 3 * columns}), {});
    loss = vocabulary_loss<double>(tape, scale(tape, x, 0.5), targets, {0.1, 1}).loss;
  }
  tape.seed(loss, cotangent.data());
  tape.run();
  const double* host = context.to_host(loss.data(), rows);
  if (device != Device::cpu) runtime.device()->synchronize();
  return {{host, host + rows}, {dtable.span().begin(), dtable.span().end()}};
}

}  // namespace

TEST_CASE("norms, broadcasts, convolutions and smoothed losses have the same values and gradients on the device") {
  const Result wanted = convolved_words(Device::cpu), got = convolved_words(Device::emulated);
  REQUIRE(got.y.size() == 6);
  REQUIRE(got.dtable.size() == 30);
  for (std::size_t k = 0; k < 6; ++k) CHECK(got.y[k] == Approx(wanted.y[k]).epsilon(1e-13));
  for (std::size_t k = 0; k < 30; ++k) CHECK(got.dtable[k] == Approx(wanted.dtable[k]).epsilon(1e-12).margin(1e-14));
  CHECK(got.y[1] == 0);
  CHECK(got.y[0] > 0);
}

namespace {

/// Pooled segments of a softmax of some columns of a table, of each reduction, and the gradient by the table.
Result pooled_words(Device device) {
  constexpr std::int64_t rows = 7, columns = 5;
  Runtime runtime(2);
  if (device != Device::cpu) runtime.use(open_device(device, runtime.pool()));
  Context context = runtime.context();
  MemorySource& memory = device == Device::cpu ? host_memory() : runtime.device()->managed();
  Tensor<double> table = random_tensor<double>({rows, columns}, 1, 0).clone(memory), dtable({rows, columns}, memory);
  const Tensor<double> cotangent = random_tensor<double>({3, 3}, 1, 1);
  Tape<double> tape(context);
  const Variable<double> x = tape.parameter(table.view(), dtable.data());
  const Variable<double> p = softmax(tape, slice_columns(tape, x, 1, 3));
  Variable<double> y = tanh(tape, slice_columns(tape, tape.rows(x, 4, 3), 0, 3));
  for (const auto reduction :
       {SegmentReduction::sum, SegmentReduction::mean, SegmentReduction::max, SegmentReduction::last}) {
    const Index offsets{0, 4, 4, 7};  // gone before the backward
    y = add(tape, y, segment_pooling<double>(tape, reduction, offsets, p));
  }
  tape.seed(y, cotangent.data());
  tape.run();
  const double* host = context.to_host(y.data(), 9);
  if (device != Device::cpu) runtime.device()->synchronize();
  return {{host, host + 9}, {dtable.span().begin(), dtable.span().end()}};
}

}  // namespace

TEST_CASE("slices, softmax and pooled segments have the same values and gradients on the emulated device") {
  const Result wanted = pooled_words(Device::cpu), got = pooled_words(Device::emulated);
  REQUIRE(got.y.size() == 9);
  REQUIRE(got.dtable.size() == 35);
  for (std::size_t k = 0; k < 9; ++k) CHECK(got.y[k] == Approx(wanted.y[k]).epsilon(1e-13));
  for (std::size_t k = 0; k < 35; ++k) CHECK(got.dtable[k] == Approx(wanted.dtable[k]).epsilon(1e-12).margin(1e-14));
  for (int row = 0; row < 7; ++row) CHECK(got.dtable[5 * row + 4] == 0);  // nobody reads the last column
}

TEST_CASE("layer_norm into its own input has the bits of one into a new value, on the CPU and on the emulated device") {
  constexpr int rows = 5, columns = 37;
  for (const Device device : {Device::cpu, Device::emulated}) {
    INFO(name_of(device));
    Door door(device);
    Context& context = door.context;
    Tape<double>& tape = door.tape;
    const Variable<double> x = door.put({rows, columns}, 0), gamma = door.put({columns}, 1),
                           beta = door.put({columns}, 2);
    const auto run = [&](Variable<double> into) {
      return layer_norm(tape, x, gamma, beta, LayerNormForm::usual, 1e-5, into);
    };
    const Variable<double> wanted = run({}), got = run(x);
    CHECK(got.node() == x.node());
    const double* a = context.to_host(got.data(), rows * columns);
    const double* b = context.to_host(wanted.data(), rows * columns);
    door.wait();
    for (int i = 0; i < rows * columns; ++i) CHECK(a[i] == b[i]);
  }
}

TEST_CASE("linear added onto a value in place is the sum of both, on the CPU and on the emulated device") {
  constexpr int rows = 3, in = 4;
  for (const Device device : {Device::cpu, Device::emulated})
    for (const int out : {1, 5})
      for (const int parts : {1, 2, 3}) {
        INFO(name_of(device) << ", " << out << " outputs, " << parts << " inputs");
        Door door(device);
        Context& context = door.context;
        Tape<double>& tape = door.tape;
        const Variable<double> x = door.put({rows, in}, 0), weight = door.put({out, in * parts}, 1),
                               bias = door.put({out}, 2), before = door.put({rows, out}, 3);
        const auto run = [&](Variable<double> onto) {
          if (parts == 1) return linear(tape, {x}, weight, bias, Activation::none, onto);
          if (parts == 2) return linear(tape, {x, x}, weight, bias, Activation::none, onto);
          return linear(tape, {x, x, x}, weight, bias, Activation::none, onto);
        };
        const Variable<double> wanted = add(tape, before, run({}));
        const Variable<double> got = run(before);
        CHECK(got.node() == before.node());
        const double* a = context.to_host(got.data(), rows * out);
        const double* b = context.to_host(wanted.data(), rows * out);
        door.wait();
        for (int i = 0; i < rows * out; ++i) CHECK(a[i] == Approx(b[i]).epsilon(1e-13));
      }
}
