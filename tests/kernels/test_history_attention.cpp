// What is special about the attention over the history; the table test holds it against its reference and its gradients
// against finite differences.
#include "kernels/common/operation.h"
#include "kernels/history_attention/history_attention.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <limits>
#include <vector>

namespace ethreed {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// One call on sequences of the given lengths (longest first). Outputs and gradients start as NaN.
struct History {
  std::vector<std::int32_t> offsets{0};
  int q, g;
  Tensor<double> query, keys, values, a, beta, da, dquery, dkeys, dvalues;
  Runtime runtime{2};

  History(const std::vector<int>& lengths, int q_, int g_) : q(q_), g(g_) {
    for (int t = 0; t < lengths.front(); ++t) {
      int alive = 0;
      for (int length : lengths) alive += length > t ? 1 : 0;
      offsets.push_back(offsets.back() + alive);
    }
    const int rows = offsets.back();
    query = random_tensor<double>({rows, q}, 3, 0);
    keys = random_tensor<double>({rows, q}, 3, 1);
    values = random_tensor<double>({rows, g}, 3, 2);
    da = random_tensor<double>({rows, g}, 3, 3);
    a = Tensor<double>({rows, g});
    beta = Tensor<double>({rows, lengths.front()});
    dquery = Tensor<double>({rows, q});
    dkeys = Tensor<double>({rows, q});
    dvalues = Tensor<double>({rows, g});
    for (Tensor<double>* out : {&a, &beta, &dquery, &dkeys, &dvalues})
      for (double& x : out->span()) x = nan;
  }
  Packing packing() const { return {offsets}; }
  HistoryAttentionForward<double> arguments() {
    return {.packing = packing(),
            .query_columns = q,
            .value_columns = g,
            .query = query.data(),
            .keys = keys.data(),
            .values = values.data(),
            .a = a.data(),
            .beta = beta.data()};
  }
  void forward() {
    Context context = runtime.context();
    history_attention_forward(context, arguments());
  }
  void backward() {
    Context context = runtime.context();
    history_attention_backward<double>(context, {.forward = arguments(),
                                                 .da = da.data(),
                                                 .dquery = {dquery.data(), false},
                                                 .dkeys = {dkeys.data(), false},
                                                 .dvalues = {dvalues.data(), false}});
  }
};

std::vector<double> row(const Tensor<double>& tensor, int i) {
  const double* data = tensor.data() + i * tensor.columns();
  return {data, data + tensor.columns()};
}

std::vector<double> zeros(int n) { return std::vector<double>(n, 0.0); }

bool all_finite(const Tensor<double>& tensor) {
  for (double x : tensor.span())
    if (!std::isfinite(x)) return false;
  return true;
}

}  // namespace

TEST_CASE("history_attention: an empty history gives exact zeros, exact zero gradients and no NaN") {
  History run({3, 1}, 4, 5);
  run.forward();
  run.backward();
  for (int b = 0; b < 2; ++b) {
    REQUIRE(row(run.a, run.packing().row(0, b)) == zeros(5));
    REQUIRE(row(run.dquery, run.packing().row(0, b)) == zeros(4));
  }
  for (const Tensor<double>* tensor : {&run.a, &run.dquery, &run.dkeys, &run.dvalues}) REQUIRE(all_finite(*tensor));
}

TEST_CASE("history_attention: a history of one is recalled exactly") {
  History run({2}, 4, 5);
  run.forward();
  REQUIRE(row(run.a, 1) == row(run.values, 0));
  run.backward();
  REQUIRE(row(run.dvalues, 0) == row(run.da, 1));
  REQUIRE(row(run.dquery, 1) == zeros(4));  // a softmax over one score does not move
}

TEST_CASE("history_attention: a step sees neither itself nor what comes after it") {
  History run({4}, 3, 2);
  run.forward();
  History changed({4}, 3, 2);
  for (int k = 2; k < 4; ++k) {
    for (int i = 0; i < 3; ++i) changed.keys[k * 3 + i] = nan;
    for (int i = 0; i < 2; ++i) changed.values[k * 2 + i] = nan;
  }
  changed.forward();
  for (int k = 0; k <= 2; ++k) REQUIRE(row(changed.a, k) == row(run.a, k));
  REQUIRE(std::isnan(changed.a[3 * 2]));
  run.backward();
  REQUIRE(row(run.dkeys, 3) == zeros(3));  // nothing recalls the last step
  REQUIRE(row(run.dvalues, 3) == zeros(2));
}

TEST_CASE("history_attention: a dialogue of one turn next to one of four is as if alone") {
  const std::vector<int> lengths{8, 2};
  History both(lengths, 20, 6);
  both.forward();
  both.backward();
  for (int b = 0; b < 2; ++b) {
    const int length = lengths[b];
    History alone({length}, 20, 6);
    for (int k = 0; k < length; ++k) {
      const int from = both.packing().row(k, b);
      for (int i = 0; i < 20; ++i) {
        alone.query[k * 20 + i] = both.query[from * 20 + i];
        alone.keys[k * 20 + i] = both.keys[from * 20 + i];
      }
      for (int i = 0; i < 6; ++i) {
        alone.values[k * 6 + i] = both.values[from * 6 + i];
        alone.da[k * 6 + i] = both.da[from * 6 + i];
      }
    }
    alone.forward();
    alone.backward();
    for (int k = 0; k < length; ++k) {
      const int from = both.packing().row(k, b);
      REQUIRE(row(alone.a, k) == row(both.a, from));
      REQUIRE(row(alone.dquery, k) == row(both.dquery, from));
      REQUIRE(row(alone.dkeys, k) == row(both.dkeys, from));
      REQUIRE(row(alone.dvalues, k) == row(both.dvalues, from));
    }
  }
}

TEST_CASE("history_attention: scores far beyond the range of exp choose the highest instead of overflowing") {
  History run({3}, 2, 2);
  for (int k = 0; k < 3; ++k) {
    run.query[k * 2] = 1e4, run.query[k * 2 + 1] = 0;
    run.keys[k * 2] = k == 1 ? 10 : -10, run.keys[k * 2 + 1] = 0;
  }
  run.forward();
  REQUIRE(row(run.a, 2) == row(run.values, 1));
  run.backward();
  for (const Tensor<double>* tensor : {&run.dquery, &run.dkeys, &run.dvalues}) REQUIRE(all_finite(*tensor));
}

TEST_CASE("history_attention: gradients are added where the sink accumulates, first query and last key included") {
  History run({3, 2}, 3, 2);
  run.forward();
  run.backward();
  History added({3, 2}, 3, 2);
  added.forward();
  for (Tensor<double>* sink : {&added.dquery, &added.dkeys, &added.dvalues})
    for (double& x : sink->span()) x = 10.0;
  Context context = added.runtime.context();
  history_attention_backward<double>(context, {.forward = added.arguments(),
                                               .da = added.da.data(),
                                               .dquery = {added.dquery.data(), true},
                                               .dkeys = {added.dkeys.data(), true},
                                               .dvalues = {added.dvalues.data(), true}});
  for (std::int64_t i = 0; i < run.dquery.count(); ++i) {
    REQUIRE(added.dquery[i] == Approx(10.0 + run.dquery[i]));
    REQUIRE(added.dkeys[i] == Approx(10.0 + run.dkeys[i]));
  }
  for (std::int64_t i = 0; i < run.dvalues.count(); ++i) REQUIRE(added.dvalues[i] == Approx(10.0 + run.dvalues[i]));
}

}  // namespace ethreed
