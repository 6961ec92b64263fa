// What is special about the pooling of segments; the table test holds it against its reference and its gradients
// against finite differences.
#include "kernels/attention_pooling/attention_pooling.h"
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

/// One call of scores, or means, with random inputs. Outputs and gradients start as NaN.
struct Pooling {
  Index offsets, rows;
  bool scored;
  Tensor<double> scores, x, weights, y, dy, dscores, dx;
  Runtime runtime{2};

  Pooling(Index offsets_, Index rows_, int source_rows, int columns, bool scored_ = true)
      : offsets(std::move(offsets_)), rows(std::move(rows_)), scored(scored_) {
    const int entries = offsets.back(), segments = count_of(offsets) - 1;
    scores = random_tensor<double>({entries}, 3, 0);
    x = random_tensor<double>({source_rows, columns}, 3, 1);
    dy = random_tensor<double>({segments, columns}, 3, 2);
    weights = Tensor<double>({entries});
    y = Tensor<double>({segments, columns});
    dscores = Tensor<double>({entries});
    dx = Tensor<double>({source_rows, columns});
    for (Tensor<double>* out : {&weights, &y, &dscores, &dx})
      std::fill(out->span().begin(), out->span().end(), not_a_number);
  }

  void run(bool accumulate = false) {
    Context context = runtime.context();
    const AttentionPoolingForward<double> args{.offsets = offsets,
                                               .rows = rows.empty() ? nullptr : rows.data(),
                                               .source_rows = static_cast<int>(x.rows()),
                                               .columns = static_cast<int>(x.columns()),
                                               .scores = scored ? scores.data() : nullptr,
                                               .x = x.data(),
                                               .weights = weights.data(),
                                               .y = y.data()};
    attention_pooling_forward(context, args);
    attention_pooling_backward<double>(context, {.forward = args,
                                                 .dy = dy.data(),
                                                 .dscores = {scored ? dscores.data() : nullptr, accumulate},
                                                 .dx = {dx.data(), accumulate}});
  }
};

std::vector<double> row(const Tensor<double>& tensor, std::int64_t i) {
  const double* data = tensor.data() + i * tensor.columns();
  return {data, data + tensor.columns()};
}

std::vector<double> all(const Tensor<double>& tensor) { return {tensor.span().begin(), tensor.span().end()}; }

}  // namespace

TEST_CASE("attention_pooling: a segment of one entry is its row, and its score has no gradient, exactly") {
  Pooling run({0, 1, 3}, {2, 0, 1}, 3, 5);
  run.run();
  CHECK(row(run.y, 0) == row(run.x, 2));
  CHECK(row(run.dx, 2) == row(run.dy, 0));
  CHECK(run.weights[0] == 1);
  CHECK(run.dscores[0] == 0);
  CHECK(run.dscores[1] != 0);
}

TEST_CASE("attention_pooling: equal scores, and none at all, give the mean") {
  Pooling equal({0, 3, 7}, {}, 7, 6), none({0, 3, 7}, {}, 7, 6, false);
  std::fill(equal.scores.span().begin(), equal.scores.span().end(), 0.7);
  equal.run();
  none.run();
  CHECK(all(equal.weights) == all(none.weights));
  CHECK(all(equal.y) == all(none.y));
  CHECK(all(equal.dx) == all(none.dx));
  CHECK(none.weights[0] == 1.0 / 3);
  CHECK(none.weights[3] == 0.25);
  for (int c = 0; c < 6; ++c) CHECK(none.y[c] == Approx((none.x[c] + none.x[6 + c] + none.x[12 + c]) / 3));
}

TEST_CASE("attention_pooling: scores far beyond the range of exp choose the highest instead of overflowing") {
  Pooling run({0, 3}, {}, 3, 4);
  run.scores[0] = 9000;
  run.scores[1] = 10000;
  run.scores[2] = -10000;
  run.run();
  CHECK(row(run.y, 0) == row(run.x, 1));
  CHECK(all(run.weights) == std::vector<double>{0, 1, 0});
  for (const double x : run.dscores.span()) CHECK(x == 0);
}

TEST_CASE("attention_pooling: a segment sees no entry of another") {
  Pooling run({0, 2, 5}, {}, 5, 3), broken({0, 2, 5}, {}, 5, 3);
  for (int j = 2; j < 5; ++j) broken.scores[j] = not_a_number;
  for (int i = 6; i < 15; ++i) broken.x[i] = not_a_number;
  for (int i = 3; i < 6; ++i) broken.dy[i] = not_a_number;
  run.run();
  broken.run();
  CHECK(row(broken.y, 0) == row(run.y, 0));
  CHECK(std::isnan(broken.y[3]));
  for (const std::int64_t j : {0, 1}) {
    CHECK(broken.dscores[j] == run.dscores[j]);
    CHECK(row(broken.dx, j) == row(run.dx, j));
  }
}

TEST_CASE("attention_pooling: a score that is NaN shows in all of its segment, wherever it stands") {
  for (int at = 0; at < 3; ++at) {
    Pooling run({0, 3}, {}, 3, 2);
    run.scores[at] = not_a_number;
    run.run();
    for (const double weight : run.weights.span()) CHECK(std::isnan(weight));
    for (const double y : run.y.span()) CHECK(std::isnan(y));
  }
}

TEST_CASE("attention_pooling: rows that nobody reads get gradient 0, and keep what a sink that adds had") {
  Pooling run({0, 2, 4}, {3, 1, 1, 5}, 7, 4);
  run.run();
  for (const std::int64_t r : {0, 2, 4, 6}) CHECK(row(run.dx, r) == std::vector<double>(4, 0.0));
  Pooling added({0, 2, 4}, {3, 1, 1, 5}, 7, 4);
  std::fill(added.dx.span().begin(), added.dx.span().end(), 10.0);
  std::fill(added.dscores.span().begin(), added.dscores.span().end(), 10.0);
  added.run(true);
  for (std::int64_t i = 0; i < run.dx.count(); ++i) CHECK(added.dx[i] == Approx(10.0 + run.dx[i]));
  for (std::int64_t j = 0; j < 4; ++j) CHECK(added.dscores[j] == Approx(10.0 + run.dscores[j]));
}

TEST_CASE("attention_pooling: a row read several times sums its gradients in ascending order of the entries") {
  // 2⁵³ + 1 is 2⁵³ in double: only the ascending order loses the 1.
  Pooling run({0, 2, 4, 6}, {1, 0, 1, 2, 1, 3}, 4, 1, false);
  const double large = std::ldexp(1.0, 54);  // of which a mean of two takes half
  run.dy[0] = large;
  run.dy[1] = 2;
  run.dy[2] = -large;
  run.run();
  CHECK(run.dx[1] == 0);
  run.rows = {0, 2, 0, 1, 0, 3};
  run.dy[1] = -large;
  run.dy[2] = 2;
  run.run();
  CHECK(run.dx[0] == 1);
}

TEST_CASE("attention_pooling: packed states pooled where they stand have the bits of states copied together") {
  // Sequences of 3, 2 and 1 steps, time-major: rows (t, b) in the order 00 01 02 10 11 20.
  const Index places{0, 3, 5, 1, 4, 2};
  Pooling packed({0, 3, 5, 6}, places, 6, 19), copied({0, 3, 5, 6}, {}, 6, 19);
  for (std::size_t j = 0; j < places.size(); ++j)
    std::copy_n(packed.x.data() + places[j] * 19, 19, copied.x.data() + static_cast<std::int64_t>(j) * 19);
  packed.run();
  copied.run();
  CHECK(all(packed.y) == all(copied.y));
  CHECK(all(packed.dscores) == all(copied.dscores));
  for (std::size_t j = 0; j < places.size(); ++j)
    CHECK(row(packed.dx, places[j]) == row(copied.dx, static_cast<std::int64_t>(j)));
}
