// What is special about the attention with coverage; the table test holds it against its reference and its gradients
// against finite differences.
#include "kernels/common/operation.h"
#include "kernels/coverage_attention/coverage_attention.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace ethreed {

namespace {

using Numbers = std::vector<double>;

Numbers random_numbers(std::size_t count, std::uint64_t stream, double scale = 1.0) {
  Numbers numbers(count);
  const PhiloxStream random(7, stream);
  for (std::size_t i = 0; i < count; ++i) numbers[i] = random.normal(i) * scale;
  return numbers;
}

/// One call, bound to vectors. Outputs and gradients start as NaN, so that whatever is left unwritten shows.
struct Attention {
  std::vector<std::int32_t> source_offsets{0}, target_offsets{0};
  std::vector<std::int64_t> weight_offsets{0};
  int d, c;
  bool unbounded = false;
  Numbers query, keys, values, coverage_weight{0.7}, bias{0.1}, initial;
  Numbers weights, context, loss, energy;
  Numbers dweights, dcontext, dloss;
  Numbers dquery, dkeys, dvalues, dcoverage_weight, dbias;
  Runtime runtime;

  Attention(const std::vector<int>& sources, const std::vector<int>& targets, int d_, int c_, int threads = 1)
      : d(d_), c(c_), runtime(threads) {
    for (std::size_t r = 0; r < sources.size(); ++r) {
      source_offsets.push_back(source_offsets.back() + sources[r]);
      target_offsets.push_back(target_offsets.back() + targets[r]);
      weight_offsets.push_back(weight_offsets.back() + std::int64_t{sources[r]} * targets[r]);
    }
    const std::int64_t s = source_offsets.back(), m = target_offsets.back(), p = weight_offsets.back();
    query = random_numbers(m * d, 1);
    keys = random_numbers(s * d, 2);
    values = random_numbers(s * c, 3);
    dweights = random_numbers(p, 4);
    dcontext = random_numbers(m * c, 5);
    dloss = random_numbers(m, 6);
    const double nan = std::numeric_limits<double>::quiet_NaN();
    weights.assign(p, nan), energy.assign(p, nan), context.assign(m * c, nan), loss.assign(m, nan);
    dquery.assign(m * d, nan), dkeys.assign(s * d, nan), dvalues.assign(s * c, nan);
    dcoverage_weight.assign(1, nan), dbias.assign(1, nan);
  }

  RowLayout layout() const { return {source_offsets, target_offsets, weight_offsets}; }
  CoverageAttentionForward<double> arguments() {
    return {.layout = layout(),
            .query_columns = d,
            .value_columns = c,
            .unbounded = unbounded,
            .query = query.data(),
            .keys = keys.data(),
            .values = values.data(),
            .coverage_weight = coverage_weight.data(),
            .bias = bias.data(),
            .coverage_initial = initial.empty() ? nullptr : initial.data(),
            .weights = weights.data(),
            .context = context.data(),
            .coverage_loss = loss.data(),
            .energy = energy.data()};
  }
  void forward() {
    Context context_ = runtime.context();
    coverage_attention_forward(context_, arguments());
  }
  void backward() {
    Context context_ = runtime.context();
    coverage_attention_backward<double>(context_, {.forward = arguments(),
                                                   .dweights = dweights.data(),
                                                   .dcontext = dcontext.data(),
                                                   .dcoverage_loss = dloss.data(),
                                                   .dquery = {dquery.data(), false},
                                                   .dkeys = {dkeys.data(), false},
                                                   .dvalues = {dvalues.data(), false},
                                                   .dcoverage_weight = {dcoverage_weight.data(), false},
                                                   .dbias = {dbias.data(), false}});
  }
  double weight(int r, int i, int j) const {
    return weights[layout().weight(r) + std::int64_t{i} * layout().source_count(r) + j];
  }
};

void require_close(const Numbers& got, const Numbers& wanted) {
  REQUIRE(got.size() == wanted.size());
  for (std::size_t i = 0; i < got.size(); ++i) REQUIRE(got[i] == Approx(wanted[i]).epsilon(1e-10).margin(1e-12));
}

bool finite(const Numbers& numbers) {
  return std::all_of(numbers.begin(), numbers.end(), [](double x) { return std::isfinite(x); });
}

Numbers part(const Numbers& numbers, std::int64_t begin, std::int64_t count) {
  return {numbers.begin() + begin, numbers.begin() + begin + count};
}

}  // namespace

TEST_CASE("coverage_attention: a row does not see the tokens of other rows") {
  const std::vector<int> sources{5, 2, 7}, targets{3, 4, 2};
  Attention all(sources, targets, 6, 9, 3);
  all.forward();
  all.backward();
  for (int r = 0; r < 3; ++r) {
    Attention alone({sources[r]}, {targets[r]}, 6, 9);
    const RowLayout layout = all.layout();
    const std::int64_t s = layout.source(r), m = layout.target(r), p = layout.weight(r);
    const std::int64_t s_count = sources[r], m_count = targets[r];
    alone.query = part(all.query, m * 6, m_count * 6);
    alone.keys = part(all.keys, s * 6, s_count * 6);
    alone.values = part(all.values, s * 9, s_count * 9);
    alone.dweights = part(all.dweights, p, s_count * m_count);
    alone.dcontext = part(all.dcontext, m * 9, m_count * 9);
    alone.dloss = part(all.dloss, m, m_count);
    alone.forward();
    alone.backward();
    require_close(part(all.weights, p, s_count * m_count), alone.weights);
    require_close(part(all.context, m * 9, m_count * 9), alone.context);
    require_close(part(all.loss, m, m_count), alone.loss);
    require_close(part(all.dquery, m * 6, m_count * 6), alone.dquery);
    require_close(part(all.dkeys, s * 6, s_count * 6), alone.dkeys);
    require_close(part(all.dvalues, s * 9, s_count * 9), alone.dvalues);
  }
}

TEST_CASE("coverage_attention: unbounded energies leave no token without weight, however far apart they are") {
  Attention run({3}, {2}, 1, 2);
  run.unbounded = true;
  run.query = {1.0, -1.0};
  run.keys = {900.0, 0.0, -900.0};  // exp(−900) is 0 in double
  run.forward();
  run.backward();
  CHECK(run.weight(0, 0, 0) == Approx(1.0));
  CHECK(run.weight(0, 1, 2) == Approx(1.0));
  for (const int i : {0, 1})
    for (int j = 0; j < 3; ++j) {
      CHECK(run.weight(0, i, j) >= 0.99 * coverage_least_exponential);
      CHECK(std::isfinite(1.0 / static_cast<double>(static_cast<float>(run.weight(0, i, j)))));
    }
  for (const Numbers* gradient : {&run.dquery, &run.dkeys, &run.dvalues, &run.dcoverage_weight})
    CHECK(finite(*gradient));
}

TEST_CASE("coverage_attention: weights sum to one over the source, coverage sums over the earlier steps of one token") {
  Attention run({3, 4}, {4, 3}, 2, 3);
  run.forward();
  for (int r = 0; r < 2; ++r) {
    const int sources = run.layout().source_count(r);
    for (int i = 0; i < run.layout().target_count(r); ++i) {
      double sum = 0, loss = 0;
      for (int j = 0; j < sources; ++j) {
        double coverage = 0, score = 0;
        for (int earlier = 0; earlier < i; ++earlier) coverage += run.weight(r, earlier, j);
        for (int k = 0; k < 2; ++k)
          score += run.query[(run.layout().target(r) + i) * 2 + k] * run.keys[(run.layout().source(r) + j) * 2 + k];
        const std::int64_t at = run.layout().weight(r) + std::int64_t{i} * sources + j;
        REQUIRE(run.energy[at] == Approx(std::tanh(score + 0.7 * coverage + 0.1)));
        sum += run.weight(r, i, j);
        loss += std::min(coverage, run.weight(r, i, j));
      }
      REQUIRE(sum == Approx(1.0));
      REQUIRE(run.loss[run.layout().target(r) + i] == Approx(loss).margin(1e-15));
    }
  }
  REQUIRE(run.loss[0] == 0.0);  // nothing is covered at the first step
}

TEST_CASE("coverage_attention: the reverse cumulative sum equals a double loop over all pairs of steps") {
  const int sources = 5, targets = 6, d = 3, c = 4;
  Attention run({sources}, {targets}, d, c);
  run.forward();
  run.backward();

  const auto at = [](int i, int j, int columns) { return i * columns + j; };
  Numbers coverage(run.weights.size(), 0.0), dcov(run.weights.size(), 0.0), dz(run.weights.size(), 0.0);
  for (int i = 0; i < targets; ++i)
    for (int earlier = 0; earlier < i; ++earlier)
      for (int j = 0; j < sources; ++j) coverage[at(i, j, sources)] += run.weights[at(earlier, j, sources)];
  for (int i = targets - 1; i >= 0; --i) {
    Numbers dweight(sources, 0.0);
    double mean = 0;
    for (int j = 0; j < sources; ++j) {
      double& sum = dweight[j];
      sum = run.dweights[at(i, j, sources)];
      for (int k = 0; k < c; ++k) sum += run.dcontext[at(i, k, c)] * run.values[at(j, k, c)];
      if (run.weights[at(i, j, sources)] <= coverage[at(i, j, sources)]) sum += run.dloss[i];
      for (int later = i + 1; later < targets; ++later) sum += dcov[at(later, j, sources)];
      mean += run.weights[at(i, j, sources)] * sum;
    }
    for (int j = 0; j < sources; ++j) {
      const int pair = at(i, j, sources);
      dz[pair] = run.weights[pair] * (dweight[j] - mean) * (1 - std::pow(run.energy[pair], 2));
      dcov[pair] = run.coverage_weight[0] * dz[pair];
      if (coverage[pair] < run.weights[pair]) dcov[pair] += run.dloss[i];
    }
  }
  Numbers dquery(run.dquery.size(), 0.0), dkeys(run.dkeys.size(), 0.0), dweight(1, 0.0), dbias(1, 0.0);
  for (int i = 0; i < targets; ++i)
    for (int j = 0; j < sources; ++j) {
      for (int k = 0; k < d; ++k) {
        dquery[at(i, k, d)] += dz[at(i, j, sources)] * run.keys[at(j, k, d)];
        dkeys[at(j, k, d)] += dz[at(i, j, sources)] * run.query[at(i, k, d)];
      }
      dweight[0] += dz[at(i, j, sources)] * coverage[at(i, j, sources)];
      dbias[0] += dz[at(i, j, sources)];
    }
  require_close(run.dquery, dquery);
  require_close(run.dkeys, dkeys);
  require_close(run.dcoverage_weight, dweight);
  require_close(run.dbias, dbias);
}

TEST_CASE("coverage_attention: the weight of one step receives gradient from the coverage loss of the next") {
  Attention run({3}, {2}, 2, 2);
  run.initial = {-2.0, 5.0, 5.0};  // only token 0 has less coverage than weight, at both steps
  std::fill(run.dweights.begin(), run.dweights.end(), 0.0);
  std::fill(run.dcontext.begin(), run.dcontext.end(), 0.0);
  run.coverage_weight = {0.0};
  run.dloss = {0.0, 1.0};
  run.forward();
  run.backward();
  // At step 0 the only gradient is 1 on γ_00, through the coverage of token 0 at step 1.
  for (int k = 0; k < 2; ++k) {
    double wanted = 0;
    for (int j = 0; j < 3; ++j) {
      const double e = run.energy[j];
      const double dz = run.weight(0, 0, j) * ((j == 0 ? 1.0 : 0.0) - run.weight(0, 0, 0)) * (1 - e * e);
      wanted += dz * run.keys[j * 2 + k];
    }
    REQUIRE(run.dquery[k] == Approx(wanted));
  }
}

TEST_CASE("coverage_attention: a tie of coverage and weight sends its gradient to the weight") {
  // Four equal energies of 0: every weight is exactly 1/4, and token 0 is covered by exactly 1/4.
  Attention run({4}, {1}, 1, 1);
  run.query = {0.0};
  run.keys = {1.0, 0.0, 0.0, 0.0};
  run.coverage_weight = {0.0};
  run.bias = {0.0};
  run.initial = {0.25, 0.0, 0.0, 0.0};
  std::fill(run.dweights.begin(), run.dweights.end(), 0.0);
  run.dcontext = {0.0};
  run.dloss = {1.0};
  run.forward();
  REQUIRE(run.weights == Numbers{0.25, 0.25, 0.25, 0.25});
  run.backward();
  REQUIRE(run.dquery[0] == 0.25 * (1.0 - 0.25));  // were the tie the coverage's, nothing would arrive here

  // Two steps: token 0 ties at the second one, the others are covered. All four weights of step 1 receive 1, which the
  // softmax cancels, and no coverage receives anything.
  Attention two({4}, {2}, 1, 1);
  two.query = {0.0, 0.0};
  two.keys = {1.0, 0.0, 0.0, 0.0};
  two.coverage_weight = {0.0};
  two.bias = {0.0};
  two.initial = {0.0, 1.0, 1.0, 1.0};
  std::fill(two.dweights.begin(), two.dweights.end(), 0.0);
  two.dcontext = {0.0, 0.0};
  two.dloss = {0.0, 1.0};
  two.forward();
  two.backward();
  REQUIRE(two.dquery == Numbers{0.0, 0.0});
}

TEST_CASE("coverage_attention: a one-token source has weight one and no gradient through it") {
  Attention run({1}, {3}, 4, 2);
  run.forward();
  run.backward();
  REQUIRE(run.weights == Numbers{1.0, 1.0, 1.0});
  REQUIRE(run.loss == Numbers{0.0, 1.0, 1.0});
  for (int i = 0; i < 3; ++i) REQUIRE(part(run.context, i * 2, 2) == run.values);
  for (double x : run.dquery) REQUIRE(x == 0.0);
  for (double x : run.dkeys) REQUIRE(x == 0.0);
  REQUIRE(run.dcoverage_weight[0] == 0.0);
}

TEST_CASE("coverage_attention: saturated energies stay finite") {
  Attention run({3}, {2}, 2, 2);
  for (double& x : run.query) x *= 1e200;
  run.forward();
  run.backward();
  REQUIRE(finite(run.weights));
  REQUIRE(finite(run.dquery));
  REQUIRE(finite(run.dkeys));
}

TEST_CASE("coverage_attention: rows without targets, even all of them, leave zero gradients and no NaN") {
  Attention some({2, 3}, {0, 2}, 2, 3);
  some.forward();
  some.backward();
  REQUIRE(part(some.dkeys, 0, 4) == Numbers(4, 0.0));
  REQUIRE(part(some.dvalues, 0, 6) == Numbers(6, 0.0));
  REQUIRE(finite(some.dkeys));
  REQUIRE(finite(some.dvalues));

  Attention none({2, 1}, {0, 0}, 2, 3);
  none.forward();
  none.backward();
  REQUIRE(none.dkeys == Numbers(6, 0.0));
  REQUIRE(none.dvalues == Numbers(9, 0.0));
  REQUIRE(none.dcoverage_weight == Numbers{0.0});
  REQUIRE(none.dbias == Numbers{0.0});
}

TEST_CASE("coverage_attention: one step at a time, coverage carried, equals the whole target at once") {
  const int sources = 5, targets = 4, d = 3, c = 2;
  Attention whole({sources}, {targets}, d, c);
  whole.forward();
  Numbers coverage(sources, 0.0);
  for (int i = 0; i < targets; ++i) {
    Attention step({sources}, {1}, d, c);
    step.query = part(whole.query, i * d, d);
    step.initial = coverage;
    step.forward();
    require_close(step.weights, part(whole.weights, i * sources, sources));
    require_close(step.context, part(whole.context, i * c, c));
    require_close(step.loss, part(whole.loss, i, 1));
    for (std::size_t j = 0; j < coverage.size(); ++j) coverage[j] += step.weights[j];
  }
}

TEST_CASE("row layout: what does not fit is refused by name") {
  const std::vector<std::int32_t> sources{0, 2, 5}, targets{0, 3, 4}, empty_source{0, 0, 5}, decreasing{0, 3, 2};
  const std::vector<std::int64_t> weights{0, 6, 9}, wrong{0, 6, 8}, short_weights{0, 6};
  REQUIRE_NOTHROW(check_row_layout("test", {sources, targets, weights}));
  REQUIRE_THROWS_WITH(check_row_layout("test", {empty_source, targets, weights}),
                      Catch::Contains("test: row 0 has 0 source tokens"));
  REQUIRE_THROWS_WITH(check_row_layout("test", {sources, decreasing, weights}), Catch::Contains("row 1"));
  REQUIRE_THROWS_WITH(check_row_layout("test", {sources, targets, wrong}),
                      Catch::Contains("row 1 has 2 elements in the ragged matrix, wanted 1 targets x 3 sources"));
  REQUIRE_THROWS_WITH(check_row_layout("test", {sources, targets, short_weights}), Catch::Contains("rows + 1"));
}

}  // namespace ethreed
