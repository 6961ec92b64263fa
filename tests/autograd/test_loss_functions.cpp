// The losses and what feeds them, on the tape: gradients through the whole function, and what each of them refuses.
#include "autograd/functions/gaussian_latent_function.h"
#include "autograd/functions/gaussian_sample_function.h"
#include "autograd/functions/linear_function.h"
#include "autograd/functions/loss_sum_function.h"
#include "autograd/functions/pointer_mixture_function.h"
#include "autograd/functions/policy_divergence_function.h"
#include "autograd/functions/softmax_cross_entropy_function.h"
#include "autograd/gradient_checker.h"
#include "kernels/pointer_mixture/pointer_rows.h"

#include <catch2/catch.hpp>

#include <vector>

namespace {

using namespace ethreed;
using Leaves = std::span<const Variable<double>>;
using Results = std::vector<Variable<double>>;

// V = 7: 7 and 8 are out of vocabulary.
const std::vector<PointerRow> rows = {{{4, 7, 5, 4, 8, 3}, {4, 6, 8, 3}}, {{6, 3}, {5, 3}}};

Operand<double> leaf(std::string name, Tensor<double> value) { return {std::move(name), std::move(value)}; }

/// Checks the function at these leaves against its full Jacobian by differences.
template <class... Leaf> void check(const TapeFunction<double>& function, Leaf... arguments) {
  std::vector<Operand<double>> leaves;
  (leaves.push_back(std::move(arguments)), ...);
  Runtime runtime;
  Context context = runtime.context();
  const GradientReport report = check_function(context, std::move(leaves), function, {.full_jacobian = true});
  INFO(report.text());
  CHECK(report.passed());
  CHECK(report.comparisons() > 0);
}

/// A tape in an arena of its own, and constants for it.
struct Bench {
  Runtime runtime;
  Context context = runtime.context();
  Tape<double> tape{context};
  Variable<double> constant(Shape shape) {
    return tape.constant(View<const double>(context.arena.allocate_zero<double>(shape.count()), shape));
  }
};

}  // namespace

TEST_CASE("the gradients of pointer_mixture reach weights, gate and what made the logits, in place of the logits") {
  const PointerRows data(rows);
  const RowLayout layout = data.layout();
  const int tokens = layout.targets();
  check(
      [&](Tape<double>& tape, Leaves x) -> Results {
        const auto logits = linear(tape, {x[0]}, x[1], Variable<double>{});
        return {pointer_mixture(tape, layout, logits, x[2], x[3], data.source_ids, data.targets)};
      },
      leaf("features", random_tensor<double>({tokens, 3}, 1, 0)), leaf("output", random_tensor<double>({7, 3}, 1, 1)),
      leaf("gate", random_tensor<double>({tokens}, 1, 2)), leaf("weights", random_weights<double>(layout, 1, 3)));
}

TEST_CASE("logits that are a parameter keep their value and get their gradient where parameters get it") {
  const PointerRows data(rows);
  const RowLayout layout = data.layout();
  const int tokens = layout.targets();
  check(
      [&](Tape<double>& tape, Leaves x) -> Results {
        return {pointer_mixture(tape, layout, x[0], x[1], x[2], data.source_ids, data.targets)};
      },
      leaf("logits", random_tensor<double>({tokens, 7}, 2, 0)), leaf("gate", random_tensor<double>({tokens, 1}, 2, 1)),
      leaf("weights", random_weights<double>(layout, 2, 2)));
}

TEST_CASE("a second consumer of the logits, recorded later, adds its gradient to that of pointer_mixture") {
  const PointerRows data(rows);
  const RowLayout layout = data.layout();
  const int tokens = layout.targets();
  check(
      [&](Tape<double>& tape, Leaves x) -> Results {
        const auto logits = linear(tape, {x[0]}, x[1], Variable<double>{});
        return {pointer_mixture(tape, layout, logits, x[2], x[3], data.source_ids, data.targets),
                loss_sum<double>(tape, {{logits, 0.3}}).term[0]};
      },
      leaf("features", random_tensor<double>({tokens, 3}, 3, 0)), leaf("output", random_tensor<double>({7, 3}, 3, 1)),
      leaf("gate", random_tensor<double>({tokens}, 3, 2)), leaf("weights", random_weights<double>(layout, 3, 3)));
}

TEST_CASE("pointer_mixture refuses words and sizes that do not fit, and says which") {
  const PointerRows data(rows);
  const RowLayout layout = data.layout();
  const int tokens = layout.targets();
  Bench bench;
  const auto call = [&](std::vector<std::int32_t> source, std::vector<std::int32_t> targets, Shape logits, Shape gate,
                        Shape weights) {
    pointer_mixture(bench.tape, layout, bench.constant(logits), bench.constant(gate), bench.constant(weights),
                    Indices(source), Indices(targets));
  };
  const Shape logits{tokens, 7}, gate{tokens}, weights{layout.weights()};
  CHECK_NOTHROW(call(data.source_ids, data.targets, logits, gate, weights));

  std::vector<std::int32_t> targets = data.targets;
  targets[5] = 8;  // in the source of row 0, but the target is of row 1
  CHECK_THROWS_WITH(call(data.source_ids, targets, logits, gate, weights),
                    Catch::Contains("target 1 of row 1 is 8") && Catch::Contains("UNK"));
  targets[5] = -1;
  CHECK_THROWS_WITH(call(data.source_ids, targets, logits, gate, weights), Catch::Contains("-1"));
  targets.pop_back();
  CHECK_THROWS_WITH(call(data.source_ids, targets, logits, gate, weights), Catch::Contains("5 targets"));
  std::vector<std::int32_t> source = data.source_ids;
  source[0] = -1;
  CHECK_THROWS_WITH(call(source, data.targets, logits, gate, weights), Catch::Contains("source id -1"));
  CHECK_THROWS_WITH(call(data.source_ids, data.targets, {tokens + 1, 7}, gate, weights), Catch::Contains("logits"));
  CHECK_THROWS_WITH(call(data.source_ids, data.targets, logits, {tokens - 1}, weights), Catch::Contains("gate_logit"));
  CHECK_THROWS_WITH(call(data.source_ids, data.targets, logits, gate, {3}), Catch::Contains("weights"));
}

TEST_CASE("the loss functions on the tape have the gradients of their values") {
  const std::vector<std::int32_t> labels{2, -1, 0};
  const Tensor<double> noise = random_tensor<double>({3, 5}, 3, 9);
  check(
      [&](Tape<double>& tape, Leaves x) -> Results {
        const auto sample = gaussian_sample(tape, x[0], x[1], noise.view());
        const auto nll = softmax_cross_entropy(tape, sample, labels);
        const auto kl = policy_divergence(tape, sample, x[2], false);
        return {loss_sum<double>(tape, {{nll, 0.5}, {kl, 1.0 / 3, 0.7}, {nll, 0.5, -0.2}}).total};
      },
      leaf("mean", random_tensor<double>({3, 5}, 3, 0)), leaf("log_variance", random_tensor<double>({3, 5}, 3, 1)),
      leaf("constraint", random_tensor<double>({3, 5}, 3, 2)));
}

TEST_CASE("the losses stand in one array, terms first, and nothing is recorded where no term wants a gradient") {
  Bench bench;
  Tensor<double> x = random_tensor<double>({3}, 5, 0);
  std::vector<double> dx(3);
  const auto learned = bench.tape.parameter(x.view(), dx.data());
  const auto fixed = bench.tape.constant(View<const double>(x.view()));
  const auto sum = loss_sum<double>(bench.tape, {{learned, 0.5, 2.0}, {fixed, -1.0, 3.0}});
  CHECK(sum.all.shape() == Shape({3}));
  CHECK(sum.term[0].data() == sum.all.data());
  CHECK(sum.term[1].data() == sum.all.data() + 1);
  CHECK(sum.total.data() == sum.all.data() + 2);
  // Whether a product is rounded before it is added depends on the processor.
  CHECK(sum.total.data()[0] == Approx(2.0 * sum.term[0].data()[0] + 3.0 * sum.term[1].data()[0]).epsilon(1e-15));
  CHECK_FALSE(sum.term[1].wants_gradient());
  CHECK_FALSE(sum.all.wants_gradient());
  bench.tape.backward(sum.total);
  CHECK(dx == std::vector<double>(3, 1.0));
  CHECK_FALSE(loss_sum<double>(bench.tape, {{fixed}}).total.wants_gradient());
}

TEST_CASE("no gradient reaches a detached constraint, and the divergence is the same") {
  Bench bench;
  Tensor<double> q = random_tensor<double>({2, 4}, 4, 0), p = random_tensor<double>({2, 4}, 4, 1);
  std::vector<double> dq(8), dp(8, -7.0);
  const auto q_logits = bench.tape.parameter(q.view(), dq.data());
  const auto p_logits = bench.tape.parameter(p.view(), dp.data());
  const auto detached = policy_divergence(bench.tape, q_logits, p_logits);
  const auto whole = policy_divergence(bench.tape, q_logits, p_logits, false);
  CHECK(detached.data()[0] == whole.data()[0]);
  bench.tape.backward(loss_sum<double>(bench.tape, {{detached}}).total);
  CHECK(dq[0] != 0);
  CHECK(dp == std::vector<double>(8, -7.0));
  // With only p to learn there is nothing to record at all.
  CHECK_FALSE(policy_divergence(bench.tape, bench.constant({2, 4}), p_logits).wants_gradient());
}

TEST_CASE("the loss functions refuse shapes and labels that do not fit") {
  Bench bench;
  const auto logits = bench.constant({2, 4});
  const std::vector<std::int32_t> too_large{0, 4}, too_small{-2, 0}, too_few{1};
  CHECK_THROWS_WITH(softmax_cross_entropy(bench.tape, logits, too_large), Catch::Contains("row 1 is 4"));
  CHECK_THROWS_WITH(softmax_cross_entropy(bench.tape, logits, too_small), Catch::Contains("row 0 is -2"));
  CHECK_THROWS_WITH(softmax_cross_entropy(bench.tape, logits, too_few), Catch::Contains("1 labels"));
  CHECK_THROWS_WITH(policy_divergence(bench.tape, logits, bench.constant({2, 5})), Catch::Contains("[2, 5]"));
  const Tensor<double> noise({7});
  CHECK_THROWS_WITH(gaussian_sample(bench.tape, logits, bench.constant({4, 2}), noise.view()),
                    Catch::Contains("log_variance"));
  CHECK_THROWS_WITH(gaussian_sample(bench.tape, logits, logits, noise.view()), Catch::Contains("noise"));
  CHECK_THROWS_WITH(loss_sum<double>(bench.tape, {{logits}, {}}), Catch::Contains("term 1 has no variable"));
  const std::vector<LossTerm<double>> nine(9, {bench.constant({1})});
  CHECK_THROWS_WITH(loss_sum(bench.tape, std::span<const LossTerm<double>>(nine)), Catch::Contains("9 terms"));
}

TEST_CASE("gaussian_latent: only what depends on something learned wants a gradient") {
  Bench bench;
  Tensor<double> x = random_tensor<double>({2, 3}, 6, 0);
  std::vector<double> dx(6);
  const auto learned = bench.tape.parameter(x.view(), dx.data());
  const auto fixed = bench.constant({2, 3});
  const auto learned_prior = gaussian_latent<double>(bench.tape, {learned, fixed}, {fixed, fixed});
  CHECK_FALSE(learned_prior.z.wants_gradient());
  CHECK(learned_prior.kl.wants_gradient());
  const auto learned_posterior = gaussian_latent<double>(bench.tape, {fixed, fixed}, {fixed, learned});
  CHECK(learned_posterior.z.wants_gradient());
  CHECK(learned_posterior.kl.wants_gradient());
  const auto drawn = gaussian_latent<double>(bench.tape, {fixed, learned}, {});
  CHECK(drawn.z.wants_gradient());
  CHECK_FALSE(drawn.kl.wants_gradient());
  CHECK(drawn.kl.data()[0] == 0);
  CHECK_FALSE(gaussian_latent<double>(bench.tape, {fixed, fixed}, {fixed, fixed}).kl.wants_gradient());
}

TEST_CASE("gaussian_latent refuses halves of a distribution and sizes that do not fit") {
  Bench bench;
  const auto x = bench.constant({2, 3}), wide = bench.constant({2, 4});
  const Tensor<double> noise({7});
  const auto latent = [&](LatentDistribution<double> prior, LatentDistribution<double> posterior) {
    return gaussian_latent(bench.tape, prior, posterior);
  };
  CHECK_THROWS_WITH(latent({}, {x, x}), Catch::Contains("gaussian_latent: the prior lacks its mean"));
  CHECK_THROWS_WITH(latent({x, {}}, {}), Catch::Contains("the prior lacks its raw"));
  CHECK_THROWS_WITH(latent({x, x}, {x, {}}), Catch::Contains("the posterior lacks its raw"));
  CHECK_THROWS_WITH(latent({x, x}, {{}, x}), Catch::Contains("the posterior lacks its mean"));
  CHECK_THROWS_WITH(latent({x, wide}, {}), Catch::Contains("raw of the prior is [2, 4], its mean is [2, 3]"));
  CHECK_THROWS_WITH(latent({x, x}, {wide, wide}), Catch::Contains("mean of the posterior is [2, 4]"));
  CHECK_THROWS_WITH(latent({x, x}, {x, wide}), Catch::Contains("raw of the posterior is [2, 4]"));
  CHECK_THROWS_WITH(gaussian_latent(bench.tape, LatentDistribution<double>{x, x}, {}, noise.view()),
                    Catch::Contains("noise is [7], the means are [2, 3]"));
}
