#include "core/context.h"
#include "core/philox.h"
#include "kernels/common/operation.h"
#include "kernels/gru_sequence/gru_sequence.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>

using namespace ethreed;

namespace {

constexpr int hidden = 5;

// Parameters of one GRU and random input gates for packed rows.
struct Gru {
  Tensor<double> weight_hh = random_tensor<double>({3 * hidden, hidden}, 11, 0, 0.6);
  Tensor<double> bias_hh = random_tensor<double>({3 * hidden}, 11, 1, 0.8);
};

// One call of one lane with everything it needs; gradients by run_backward().
struct Call {
  std::vector<std::int32_t> offsets;
  Tensor<double> input_gates, initial, mask, h, saved, dh, d_input_gates, dweight_hh, dbias_hh, dinitial;
  std::vector<std::int32_t> input_row;  // empty: every row has an input of its own
  bool reverse = false;

  explicit Call(std::vector<std::int32_t> offsets_, bool with_initial = false)
      : offsets(std::move(offsets_)),
        input_gates(random_tensor<double>({rows(), 3 * hidden}, 12, 0)),
        h({rows(), hidden}),
        saved({rows(), 4 * hidden}),
        dh(random_tensor<double>({rows(), hidden}, 12, 1)),
        d_input_gates({rows(), 3 * hidden}),
        dweight_hh({3 * hidden, hidden}),
        dbias_hh({3 * hidden}),
        dinitial({offsets[1], hidden}) {
    if (with_initial) initial = random_tensor<double>({offsets[1], hidden}, 12, 2);
  }
  int rows() const { return offsets.back(); }

  GruSequenceForward<double> arguments(const Gru& gru) {
    GruSequenceForward<double> args{.packing = {offsets}, .hidden = hidden, .lanes = 1};
    args.lane[0] = {.reverse = reverse,
                    .input_gates = input_gates.data(),
                    .weight_hh = gru.weight_hh.data(),
                    .bias_hh = gru.bias_hh.data(),
                    .initial = initial.data(),
                    .state_mask = mask.data(),
                    .h = h.data(),
                    .saved = saved.data()};
    if (!input_row.empty()) {
      args.input_row = input_row.data();
      args.inputs = *std::max_element(input_row.begin(), input_row.end()) + 1;
    }
    return args;
  }
  void run_forward(Runtime& runtime, const Gru& gru) {
    Context context = runtime.context();
    gru_sequence_forward(context, arguments(gru));
  }
  void run_backward(Runtime& runtime, const Gru& gru) {
    Context context = runtime.context();
    GruSequenceBackward<double> args{.forward = arguments(gru)};
    args.lane[0] = {dh.data(), {d_input_gates.data()}, {dweight_hh.data()}, {dbias_hh.data()}, {dinitial.data()}};
    gru_sequence_backward(context, args);
  }
};

double logistic(double x) { return 1.0 / (1.0 + std::exp(-x)); }

// One textbook step; the reset gate acts on the recurrent matrix product, or on the state before it.
std::vector<double> textbook_step(const Gru& gru, const double* x, const std::vector<double>& state,
                                  bool reset_before_product) {
  const auto product = [&](int gate, const std::vector<double>& by) {
    double sum = 0.0;
    for (int k = 0; k < count_of(by); ++k) sum += gru.weight_hh.data()[gate * hidden + k] * by[k];
    return sum;
  };
  const double* bias = gru.bias_hh.data();
  std::vector<double> reset(state.size()), reset_state(state.size()), next(state.size());
  for (int j = 0; j < hidden; ++j) {
    reset[j] = logistic(x[j] + product(j, state) + bias[j]);
    reset_state[j] = reset[j] * state[j];
  }
  for (int j = 0; j < hidden; ++j) {
    const int z_row = hidden + j, n_row = 2 * hidden + j;
    const double z = logistic(x[z_row] + product(z_row, state) + bias[z_row]);
    const double recurrent = reset_before_product ? product(n_row, reset_state) + bias[n_row]
                                                  : reset[j] * (product(n_row, state) + bias[n_row]);
    next[j] = (1.0 - z) * std::tanh(x[n_row] + recurrent) + z * state[j];
  }
  return next;
}

double largest_difference(const double* a, const double* b, std::int64_t count) {
  double largest = 0.0;
  for (std::int64_t i = 0; i < count; ++i) largest = std::max(largest, std::abs(a[i] - b[i]));
  return largest;
}

}  // namespace

TEST_CASE("gru_sequence applies the reset gate after the recurrent matrix product, not before it") {
  Runtime runtime;
  const Gru gru;
  Call call({0, 1, 2, 3}, true);
  call.run_forward(runtime, gru);
  std::vector<double> after(call.initial.data(), call.initial.data() + hidden);
  std::vector<double> before = after;
  for (int t = 0; t < 3; ++t) {
    const double* x = call.input_gates.data() + t * 3 * hidden;
    after = textbook_step(gru, x, after, false);
    before = textbook_step(gru, x, before, true);
    CHECK(largest_difference(call.h.data() + t * hidden, after.data(), hidden) < 1e-14);
    CHECK(largest_difference(call.h.data() + t * hidden, before.data(), hidden) > 1e-3);
  }
}

TEST_CASE("a one-token utterance is one step from its initial state, the same in both directions") {
  Runtime runtime;
  const Gru gru;
  const bool with_initial = GENERATE(false, true);
  Call forward({0, 1}, with_initial);
  Call reverse({0, 1}, with_initial);
  reverse.reverse = true;
  for (Call* call : {&forward, &reverse}) {
    call->run_forward(runtime, gru);
    call->run_backward(runtime, gru);
  }
  std::vector<double> state(hidden, 0.0);
  if (with_initial) state.assign(forward.initial.data(), forward.initial.data() + hidden);
  const std::vector<double> expected = textbook_step(gru, forward.input_gates.data(), state, false);
  CHECK(largest_difference(forward.h.data(), expected.data(), hidden) < 1e-14);
  CHECK(largest_difference(forward.h.data(), reverse.h.data(), hidden) == 0.0);
  CHECK(largest_difference(forward.d_input_gates.data(), reverse.d_input_gates.data(), 3 * hidden) == 0.0);
  CHECK(largest_difference(forward.dinitial.data(), reverse.dinitial.data(), hidden) == 0.0);
}

TEST_CASE("rows that share an input have the states of rows with inputs of their own, to the bit") {
  Runtime runtime;
  const Gru gru;
  Call shared({0, 2, 4, 5}), own({0, 2, 4, 5});
  const bool reverse = GENERATE(false, true);
  shared.reverse = own.reverse = reverse;
  const std::vector<std::int32_t> input_row{1, 1, 0, 1, 0};
  for (int row = 0; row < own.rows(); ++row)
    std::copy_n(shared.input_gates.data() + 3 * hidden * input_row[row], 3 * hidden,
                own.input_gates.data() + 3 * hidden * row);
  shared.input_row = input_row;
  for (Call* call : {&shared, &own}) {
    call->run_forward(runtime, gru);
    call->run_backward(runtime, gru);
  }
  CHECK(largest_difference(shared.h.data(), own.h.data(), own.h.count()) == 0.0);
  CHECK(largest_difference(shared.dweight_hh.data(), own.dweight_hh.data(), own.dweight_hh.count()) == 0.0);
  for (int input = 0; input < 2; ++input) {
    std::vector<double> sum(3 * hidden, 0.0);
    for (int row = 0; row < own.rows(); ++row)
      for (int j = 0; j < count_of(sum) && input_row[row] == input; ++j)
        sum[j] += own.d_input_gates.data()[3 * hidden * row + j];
    CHECK(largest_difference(shared.d_input_gates.data() + 3 * hidden * input, sum.data(), 3 * hidden) < 1e-14);
  }
}

TEST_CASE("a dialogue with T = 1 in a batch with T = 4 computes what each computes alone") {
  Runtime runtime;
  const Gru gru;
  const bool reverse = GENERATE(false, true);
  Call together({0, 2, 3, 4, 5}, true);
  together.reverse = reverse;
  Call long_one({0, 1, 2, 3, 4}, true);
  Call short_one({0, 1}, true);
  const std::vector<int> long_rows{0, 2, 3, 4};
  const std::vector<int> short_rows{1};
  const auto pick = [](const Tensor<double>& from, const std::vector<int>& rows, Tensor<double>& to) {
    for (std::size_t i = 0; i < rows.size(); ++i)
      std::copy_n(from.data() + rows[i] * from.columns(), from.columns(),
                  to.data() + static_cast<std::int64_t>(i) * from.columns());
  };
  const auto alone = [&](Call& call, const std::vector<int>& rows, int sequence) {
    call.reverse = reverse;
    pick(together.input_gates, rows, call.input_gates);
    pick(together.dh, rows, call.dh);
    pick(together.initial, {sequence}, call.initial);
    call.run_forward(runtime, gru);
    call.run_backward(runtime, gru);
  };
  together.run_forward(runtime, gru);
  together.run_backward(runtime, gru);
  alone(long_one, long_rows, 0);
  alone(short_one, short_rows, 1);

  const auto check_rows = [&](const Call& call, const std::vector<int>& rows, int sequence) {
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const auto row = static_cast<std::int64_t>(i);
      CHECK(largest_difference(call.h.data() + row * hidden, together.h.data() + rows[i] * hidden, hidden) < 1e-12);
      CHECK(largest_difference(call.d_input_gates.data() + row * 3 * hidden,
                               together.d_input_gates.data() + rows[i] * 3 * hidden, 3 * hidden) < 1e-12);
    }
    CHECK(largest_difference(call.dinitial.data(), together.dinitial.data() + sequence * hidden, hidden) < 1e-12);
  };
  check_rows(long_one, long_rows, 0);
  check_rows(short_one, short_rows, 1);
  for (std::int64_t i = 0; i < together.dweight_hh.count(); ++i)
    CHECK(together.dweight_hh[i] == Approx(long_one.dweight_hh[i] + short_one.dweight_hh[i]).margin(1e-12));
  for (std::int64_t i = 0; i < together.dbias_hh.count(); ++i)
    CHECK(together.dbias_hh[i] == Approx(long_one.dbias_hh[i] + short_one.dbias_hh[i]).margin(1e-12));
}

TEST_CASE("a reversed lane is a forward lane over sequences turned around, each from its own last token") {
  Runtime runtime;
  const Gru gru;
  const std::vector<std::int32_t> offsets{0, 3, 5, 6};
  const std::vector<int> lengths{3, 2, 1};
  Call reversed(offsets, true);
  reversed.reverse = true;
  reversed.run_forward(runtime, gru);
  Call forward(offsets, true);
  const auto row_of = [&](int t, int sequence) { return offsets[t] + sequence; };
  for (int s = 0; s < 3; ++s)
    for (int t = 0, last = lengths[s] - 1; t <= last; ++t)
      std::copy_n(reversed.input_gates.data() + row_of(last - t, s) * 3 * hidden, 3 * hidden,
                  forward.input_gates.data() + row_of(t, s) * 3 * hidden);
  forward.run_forward(runtime, gru);
  for (int s = 0; s < 3; ++s)
    for (int t = 0, last = lengths[s] - 1; t <= last; ++t)
      CHECK(largest_difference(forward.h.data() + row_of(t, s) * hidden,
                               reversed.h.data() + row_of(last - t, s) * hidden, hidden) < 1e-14);
}

TEST_CASE("the masked state is what is put out and what is carried on") {
  Runtime runtime;
  const Gru gru;
  Call masked({0, 1, 2}, true);
  masked.mask = Tensor<double>({2, hidden});
  std::fill_n(masked.mask.data() + hidden, hidden, 2.0);  // step 0 drops everything, step 1 doubles
  masked.run_forward(runtime, gru);
  const std::vector<double> zeros(hidden, 0.0);
  std::vector<double> expected = textbook_step(gru, masked.input_gates.data() + 3 * hidden, zeros, false);
  for (double& value : expected) value *= 2.0;
  CHECK(largest_difference(masked.h.data(), zeros.data(), hidden) == 0.0);
  CHECK(largest_difference(masked.h.data() + hidden, expected.data(), hidden) < 1e-14);
  masked.run_backward(runtime, gru);
  CHECK(largest_difference(masked.dinitial.data(), zeros.data(), hidden) == 0.0);
}

TEST_CASE("gru_sequence computes the same bits whether or not the gates are saved, alone or with another lane") {
  Runtime runtime(2);
  Context context = runtime.context();
  const Gru gru;
  Call call({0, 3, 5, 6}, true);
  Call other({0, 3, 5, 6});
  other.reverse = true;
  call.run_forward(runtime, gru);
  const Tensor<double> expected = call.h.clone();
  std::fill_n(call.h.data(), call.h.count(), -1.0);
  GruSequenceForward<double> args = call.arguments(gru);
  args.lane[0].saved = nullptr;
  args.lanes = 2;
  args.lane[1] = other.arguments(gru).lane[0];
  gru_sequence_forward(context, args);
  CHECK(largest_difference(expected.data(), call.h.data(), expected.count()) == 0.0);
}

TEST_CASE("gru_sequence over no rows leaves zero gradients of the weights") {
  Runtime runtime;
  const Gru gru;
  Call call({0, 0});
  call.offsets = {0};
  std::fill_n(call.dweight_hh.data(), call.dweight_hh.count(), 7.0);
  std::fill_n(call.dbias_hh.data(), call.dbias_hh.count(), 7.0);
  call.run_forward(runtime, gru);
  call.run_backward(runtime, gru);
  CHECK(std::all_of(call.dweight_hh.span().begin(), call.dweight_hh.span().end(), [](double g) { return g == 0.0; }));
  CHECK(std::all_of(call.dbias_hh.span().begin(), call.dbias_hh.span().end(), [](double g) { return g == 0.0; }));
}
