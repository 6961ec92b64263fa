// What is special about attention; the table test holds it against its textbook and its gradients against finite
// differences.
#include "kernels/attention/attention.h"
#include "kernels/common/operation.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

using namespace ethreed;

namespace {

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
using Index = std::vector<std::int32_t>;

/// One call with random inputs. Outputs and gradients start as NaN.
struct Attend {
  Index queries, keys_at;
  int heads, width;
  AttentionForward<double> settings;  ///< of which only scale, causal and dropout are looked at
  Tensor<double> query, keys, values, output, log_sum_exp, doutput, dquery, dkeys, dvalues;
  Runtime runtime{2};

  Attend(Index queries_, Index keys_, int heads_, int width_, AttentionForward<double> settings_ = {})
      : queries(std::move(queries_)), keys_at(std::move(keys_)), heads(heads_), width(width_), settings(settings_) {
    const Shape by_query{queries.back(), heads * width}, by_key{keys_at.back(), heads * width};
    query = random_tensor<double>(by_query, 3, 0);
    keys = random_tensor<double>(by_key, 3, 1);
    values = random_tensor<double>(by_key, 3, 2);
    doutput = random_tensor<double>(by_query, 3, 3);
    output = Tensor<double>(by_query);
    log_sum_exp = Tensor<double>({queries.back(), heads});
    dquery = Tensor<double>(by_query);
    dkeys = Tensor<double>(by_key);
    dvalues = Tensor<double>(by_key);
    for (Tensor<double>* out : {&output, &log_sum_exp, &dquery, &dkeys, &dvalues})
      std::fill(out->span().begin(), out->span().end(), not_a_number);
  }

  void run() {
    Context context = runtime.context();
    AttentionForward<double> args = settings;
    args.query_offsets = queries;
    args.key_offsets = keys_at;
    args.heads = heads;
    args.key_width = args.value_width = width;
    args.query = query.data();
    args.keys = keys.data();
    args.values = values.data();
    args.output = output.data();
    args.query_stride = args.keys_stride = args.values_stride = args.output_stride = heads * width;
    args.log_sum_exp = log_sum_exp.data();
    attention_forward(context, args);
    attention_backward<double>(context, {.forward = args,
                                         .doutput = doutput.data(),
                                         .dquery = {dquery.data()},
                                         .dkeys = {dkeys.data()},
                                         .dvalues = {dvalues.data()}});
  }
};

std::vector<double> row(const Tensor<double>& tensor, std::int64_t i) {
  const double* data = tensor.data() + i * tensor.columns();
  return {data, data + tensor.columns()};
}

void copy_rows(Tensor<double>& to, std::int64_t to_row, const Tensor<double>& from, std::int64_t from_row, int rows) {
  std::copy_n(from.data() + from_row * from.columns(), rows * from.columns(), to.data() + to_row * to.columns());
}

}  // namespace

TEST_CASE("attention: a single key is the output, its logit the log-sum-exp and the gradient by it zero, exactly") {
  Attend one({0, 2}, {0, 1}, 2, 3, {.scale = 0.5});
  one.run();
  for (const std::int64_t i : {0, 1}) {
    CHECK(row(one.output, i) == row(one.values, 0));
    for (int h = 0; h < 2; ++h) {
      double dot = 0;
      for (int c = 0; c < 3; ++c) dot += one.query[i * 6 + h * 3 + c] * one.keys[h * 3 + c];
      CHECK(one.log_sum_exp[i * 2 + h] == Approx(0.5 * dot));
    }
    for (const double x : row(one.dquery, i)) CHECK(x == 0);
  }
  for (const double x : one.dkeys.span()) CHECK(x == 0);
}

TEST_CASE("attention: equal keys give the mean of the values, over a tile and over more than one") {
  for (const int keys : {7, 150}) {
    Attend equal({0, 2}, {0, keys}, 1, 4);
    for (int j = 1; j < keys; ++j) copy_rows(equal.keys, j, equal.keys, 0, 1);
    equal.run();
    for (int c = 0; c < 4; ++c) {
      double mean = 0;
      for (int j = 0; j < keys; ++j) mean += equal.values[j * 4 + c] / keys;
      CHECK(equal.output[c] == Approx(mean));
      CHECK(equal.output[4 + c] == Approx(mean));
    }
  }
}

TEST_CASE("attention: logits far beyond the range of exp choose the highest key, in whatever tile it stands") {
  for (const int highest : {3, 70, 139}) {
    Attend far({0, 1}, {0, 140}, 1, 2, {.scale = 1e5});
    far.query[0] = 1;
    far.query[1] = 0;
    for (int j = 0; j < 140; ++j) far.keys[2 * j] = j == highest ? 2 : j % 2 == 0 ? 1 : -3;
    far.run();
    CHECK(row(far.output, 0) == row(far.values, highest));
    CHECK(far.log_sum_exp[0] == 2e5);
    CHECK(row(far.dvalues, highest) == row(far.doutput, 0));
    for (const double x : far.dkeys.span()) CHECK(std::abs(x) < 1e-9);
  }
}

TEST_CASE("attention: a segment sees no row of another, and has the bits that it has alone") {
  Attend both({0, 4, 7}, {0, 5, 8}, 2, 5), alone({0, 4}, {0, 5}, 2, 5);
  for (Tensor<double>* tensor : {&both.query, &both.doutput})
    std::fill(tensor->data() + 40, tensor->data() + tensor->count(), not_a_number);
  for (Tensor<double>* tensor : {&both.keys, &both.values})
    std::fill(tensor->data() + 50, tensor->data() + tensor->count(), not_a_number);
  both.run();
  alone.run();
  for (std::int64_t i = 0; i < 4; ++i) {
    CHECK(row(both.output, i) == row(alone.output, i));
    CHECK(row(both.dquery, i) == row(alone.dquery, i));
  }
  for (std::int64_t j = 0; j < 5; ++j) {
    CHECK(row(both.dkeys, j) == row(alone.dkeys, j));
    CHECK(row(both.dvalues, j) == row(alone.dvalues, j));
  }
  CHECK(std::isnan(both.output[40]));
}

TEST_CASE("attention: causal, a query sees no key after it, not even one that is NaN") {
  for (const int length : {6, 70}) {
    Attend whole({0, length}, {0, length}, 2, 3, {.causal = true}),
        broken({0, length}, {0, length}, 2, 3, {.causal = true});
    const int last = length - 1;
    for (int c = 0; c < 6; ++c) broken.keys[last * 6 + c] = broken.values[last * 6 + c] = not_a_number;
    whole.run();
    broken.run();
    for (std::int64_t i = 0; i < last; ++i) {
      CHECK(row(broken.output, i) == row(whole.output, i));
      CHECK(row(broken.dquery, i) == row(whole.dquery, i));
    }
    CHECK(std::isnan(broken.output[last * 6]));
    CHECK(row(whole.output, 0) == row(whole.values, 0));
  }
}

TEST_CASE("attention: what shifts all logits of a query alike has no gradient") {
  // A bias of the keys: its gradient is the sum of dkeys over the rows of a segment.
  Attend run({0, 9}, {0, 7}, 1, 20, {.scale = 0.22});
  run.run();
  for (int c = 0; c < 20; ++c) {
    double of_keys = 0, of_query = 0;
    for (int j = 0; j < 7; ++j) of_keys += run.dkeys[j * 20 + c];
    for (int i = 0; i < 9; ++i) of_query += std::abs(run.dquery[i * 20 + c]);
    CHECK(std::abs(of_keys) < 1e-13 * of_query);
  }
}

TEST_CASE("attention: dropout drops its share of every head's weights and scales the others, as Philox says") {
  // Equal keys and the identity for values: the output is the dropped weights.
  constexpr int n = 96;
  Attend dropped({0, n}, {0, n}, 1, n, {.dropout = 0.25, .random = {11, 12}});
  std::fill(dropped.keys.span().begin(), dropped.keys.span().end(), 0.0);
  std::fill(dropped.values.span().begin(), dropped.values.span().end(), 0.0);
  for (int j = 0; j < n; ++j) dropped.values[j * n + j] = 1;
  dropped.run();
  const PhiloxStream random(11, 12);
  int zeros = 0;
  for (std::uint64_t i = 0; i < n; ++i)
    for (std::uint64_t j = 0; j < n; ++j) {
      const double weight = dropped.output[static_cast<std::int64_t>(i * n + j)];
      const bool drops = random.uniform((i << 32) + j) < 0.25;
      CHECK(weight == Approx(drops ? 0.0 : 1.0 / n / 0.75));
      zeros += drops;
    }
  CHECK(zeros > 0.22 * n * n);
  CHECK(zeros < 0.28 * n * n);
}

TEST_CASE("attention: heads and queries are dropped apart, and a call repeats its own") {
  Attend run({0, 8}, {0, 40}, 2, 20, {.dropout = 0.5, .random = {1, 2}}),
      again({0, 8}, {0, 40}, 2, 20, {.dropout = 0.5, .random = {1, 2}}),
      other({0, 8}, {0, 40}, 2, 20, {.dropout = 0.5, .random = {1, 3}});
  // Both heads and all queries alike.
  for (Attend* call : {&run, &again, &other}) {
    for (int i = 0; i < 8; ++i)
      for (int c = 0; c < 40; ++c) call->query[i * 40 + c] = call->query[c % 20];
    for (int j = 0; j < 40; ++j)
      for (int c = 20; c < 40; ++c) {
        call->keys[j * 40 + c] = call->keys[j * 40 + c - 20];
        call->values[j * 40 + c] = call->values[j * 40 + c - 20];
      }
    call->run();
  }
  std::vector<std::vector<double>> seen;
  for (int i = 0; i < 8; ++i)
    for (int h = 0; h < 2; ++h) {
      const double* first = run.output.data() + i * 40 + h * 20;
      seen.emplace_back(first, first + 20);
    }
  std::sort(seen.begin(), seen.end());
  CHECK(std::adjacent_find(seen.begin(), seen.end()) == seen.end());
  CHECK(std::equal(run.output.span().begin(), run.output.span().end(), again.output.span().begin()));
  CHECK(std::equal(run.dkeys.span().begin(), run.dkeys.span().end(), again.dkeys.span().begin()));
  CHECK(row(run.output, 0) != row(other.output, 0));
}
