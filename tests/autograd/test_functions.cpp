// Every differentiable function through the tape: what it records is the gradient of what it computes. The kernels are
// checked on their own; here it is saved values, sinks, copies of indices and the wiring of several results.

#include "autograd/functions/attention_pooling_function.h"
#include "autograd/functions/coverage_attention_function.h"
#include "autograd/functions/elementwise_function.h"
#include "autograd/functions/embedding_function.h"
#include "autograd/functions/emotion_gate_function.h"
#include "autograd/functions/gather_rows_function.h"
#include "autograd/functions/gather_stacked_rows_function.h"
#include "autograd/functions/gaussian_latent_function.h"
#include "autograd/functions/gaussian_sample_function.h"
#include "autograd/functions/gru_sequence_function.h"
#include "autograd/functions/history_attention_function.h"
#include "autograd/functions/linear_function.h"
#include "autograd/functions/loss_sum_function.h"
#include "autograd/functions/pointer_mixture_function.h"
#include "autograd/functions/policy_divergence_function.h"
#include "autograd/functions/softmax_cross_entropy_function.h"
#include "autograd/gradient_checker.h"

#include <catch2/catch.hpp>

using namespace ethreed;

namespace {

using Variables = std::vector<Variable<double>>;
using Leaf = std::span<const Variable<double>>;
using Index = std::vector<std::int32_t>;

/// Random leaves of the given shapes, named by their number.
std::vector<Operand<double>> random_leaves(const std::vector<Shape>& shapes) {
  std::vector<Operand<double>> leaves;
  for (std::size_t i = 0; i < shapes.size(); ++i)
    leaves.push_back({"leaf " + std::to_string(i), random_tensor<double>(shapes[i], 1, i)});
  return leaves;
}

/// Checks `function` at random leaves by its full Jacobian.
void check(const std::vector<Shape>& shapes, TapeFunction<double> function) {
  Runtime runtime(2);
  Context context = runtime.context();
  const GradientReport report =
      check_function(context, random_leaves(shapes), std::move(function), {.full_jacobian = true});
  INFO(report.text());
  CHECK(report.passed());
  CHECK(report.inputs.size() == shapes.size());
}

// Two sequences of lengths 3 and 2, time-major.
const Index packing_offsets{0, 2, 4, 5};
const Packing packing{packing_offsets};

// Two rows: sources of 3 and 2 tokens, targets of 2 and 3.
const Index source_offsets{0, 3, 5};
const Index target_offsets{0, 2, 5};
const std::vector<std::int64_t> weight_offsets{0, 6, 12};
const RowLayout layout{source_offsets, target_offsets, weight_offsets};

}  // namespace

TEST_CASE("linear on the tape has the gradient of its value") {
  check({{3, 2}, {3, 1}, {4, 3}, {4}}, [](Tape<double>& tape, Leaf leaf) {
    return Variables{linear(tape, {leaf[0], leaf[1]}, leaf[2], leaf[3], Activation::tanh)};
  });
}

TEST_CASE("linear with GELU on the tape has the gradient of its value") {
  check({{3, 2}, {3, 1}, {4, 3}, {4}}, [](Tape<double>& tape, Leaf leaf) {
    return Variables{linear(tape, {leaf[0], leaf[1]}, leaf[2], leaf[3], Activation::gelu)};
  });
}

TEST_CASE("linear with GELU is GELU of linear to the bit, on a tape that records and on one that does not") {
  Runtime runtime(2);
  const Tensor<double> x = random_tensor<double>({5, 7}, 1, 0);
  Tensor<double> w = random_tensor<double>({40, 7}, 1, 1), dw({40, 7});
  for (const bool recording : {true, false}) {
    Context context = runtime.context();
    Tape<double> tape(context, recording);
    const Variable<double> in = tape.constant(x.view()), weight = tape.parameter(w.view(), dw.data());
    const Variable<double> fused = linear(tape, {in}, weight, {}, Activation::gelu);
    const Variable<double> apart = gelu(tape, linear(tape, {in}, weight, {}));
    for (std::int64_t i = 0; i < fused.value().count(); ++i) REQUIRE(fused.data()[i] == apart.data()[i]);
  }
}

TEST_CASE("linear without a bias, of one variable in two parts, has the gradient of its value") {
  check({{3, 2}, {2, 4}}, [](Tape<double>& tape, Leaf leaf) {
    return Variables{linear(tape, {leaf[0], leaf[0]}, leaf[1], {})};
  });
}

TEST_CASE("gru_sequence on the tape, two lanes with initial states and masks, has the gradient of its value") {
  const Tensor<double> mask = random_tensor<double>({5, 2}, 1, 50);
  check({{5, 6}, {6, 2}, {6}, {2, 2}, {5, 6}, {6, 2}, {6}, {2, 2}}, [&](Tape<double>& tape, Leaf leaf) {
    const std::array<GruLane<double>, 2> lanes{GruLane<double>{leaf[0], leaf[1], leaf[2], leaf[3], mask.data(), false},
                                               GruLane<double>{leaf[4], leaf[5], leaf[6], leaf[7], mask.data(), true}};
    const auto states = gru_sequence<double>(tape, packing, lanes);
    return Variables{states[0], states[1]};
  });
}

TEST_CASE("gru_sequence on the tape, one lane from zeros, has the gradient of its value") {
  check({{5, 6}, {6, 2}, {6}}, [](Tape<double>& tape, Leaf leaf) {
    return Variables{gru_sequence<double>(
        tape, packing, GruLane<double>{.input_gates = leaf[0], .weight_hh = leaf[1], .bias_hh = leaf[2]})};
  });
}

TEST_CASE("gru_sequence on the tape, rows that share inputs, has the gradient of its value") {
  check({{3, 6}, {6, 2}, {6}, {3, 6}, {6, 2}, {6}}, [](Tape<double>& tape, Leaf leaf) {
    const Index rows{2, 0, 2, 2, 0};  // gone before the backward: the function keeps its own copy
    const std::array lanes{
        GruLane<double>{leaf[0], leaf[1], leaf[2]},
        GruLane<double>{.input_gates = leaf[3], .weight_hh = leaf[4], .bias_hh = leaf[5], .reverse = true}};
    const auto states = gru_sequence<double>(tape, packing, lanes, rows);
    return Variables{states[0], states[1]};
  });
}

TEST_CASE("gather_rows on the tape, twice from one variable, has the gradient of its value") {
  check({{4, 2}}, [](Tape<double>& tape, Leaf leaf) {
    const Index first{2, -1, 2, 0}, second{1, 1, -1, 2};  // gone before the backward: the function keeps its own copy
    return Variables{gather_rows<double>(tape, {{leaf[0], first}, {leaf[0], second}})};
  });
}

TEST_CASE("gather_stacked_rows on the tape has the gradient of its value") {
  check({{2, 3}, {3, 3}}, [](Tape<double>& tape, Leaf leaf) {
    const Index index{4, 0, 2, 2, 1};
    return Variables{gather_stacked_rows<double>(tape, leaf[0], leaf[1], index)};
  });
  check({{2, 3}}, [](Tape<double>& tape, Leaf leaf) {  // one variable twice: its sink is written, then added to
    const Index index{3, 0, 2, 2, 1};
    return Variables{gather_stacked_rows<double>(tape, leaf[0], leaf[0], index)};
  });
}

TEST_CASE("embedding on the tape has the gradient of its value") {
  check({{5, 3}}, [](Tape<double>& tape, Leaf leaf) {
    const Index ids{4, 0, 4, 2};
    return Variables{embedding<double>(tape, leaf[0], ids)};
  });
}

TEST_CASE("coverage_attention on the tape has the gradients of its three values") {
  check({{5, 3}, {5, 3}, {5, 2}, {1}, {1}}, [](Tape<double>& tape, Leaf leaf) {
    const auto attention = coverage_attention(tape, layout, leaf[0], leaf[1], leaf[2], leaf[3], leaf[4]);
    return Variables{attention.weights, attention.context, attention.coverage_loss};
  });
}

TEST_CASE("history_attention on the tape has the gradient of its value") {
  check({{5, 3}, {5, 3}, {5, 2}}, [](Tape<double>& tape, Leaf leaf) {
    return Variables{history_attention(tape, packing, leaf[0], leaf[1], leaf[2])};
  });
}

TEST_CASE("attention_pooling on the tape, rows shared and unread, has the gradient of its value") {
  check({{5, 1}, {4, 3}}, [](Tape<double>& tape, Leaf leaf) {
    const Index offsets{0, 2, 5}, rows{3, 0, 0, 3, 2};  // gone before the backward: the function keeps its own copies
    return Variables{attention_pooling<double>(tape, offsets, leaf[0], leaf[1], rows).y};
  });
}

TEST_CASE("attention_pooling on the tape, scores made by linear of what is pooled, has the gradient of its value") {
  check({{5, 3}, {1, 3}}, [](Tape<double>& tape, Leaf leaf) {
    const Index offsets{0, 1, 5};
    return Variables{attention_pooling<double>(tape, offsets, linear(tape, {leaf[0]}, leaf[1], {}), leaf[0]).y};
  });
}

TEST_CASE("attention_pooling on the tape without scores has the gradient of the mean") {
  check({{5, 2}}, [](Tape<double>& tape, Leaf leaf) {
    const Index offsets{0, 2, 5};
    const auto pooled = attention_pooling<double>(tape, offsets, {}, leaf[0]);
    CHECK_FALSE(pooled.weights.wants_gradient());
    return Variables{pooled.y};
  });
}

TEST_CASE("emotion_gate on the tape has the gradient of its value") {
  check({{5, 3}, {2, 3}, {2, 4}, {1}}, [](Tape<double>& tape, Leaf leaf) {
    return Variables{emotion_gate<double>(tape, target_offsets, leaf[0], leaf[1], leaf[2], leaf[3])};
  });
}

TEST_CASE("pointer_mixture on the tape, its logits made by linear, has the gradient of its value") {
  const Index source_ids{1, 6, 1, 6, 3}, targets{1, 6, 2, 3, 6};
  const Tensor<double> no_coverage({1});  // outlives the tapes, as constants must
  // Attention weights have to be positive: a softmax makes them.
  check({{5, 2}, {6, 2}, {5, 1}, {5, 3}, {5, 3}, {5, 2}}, [&](Tape<double>& tape, Leaf leaf) {
    const Variable<double> zero = tape.constant(no_coverage.view());
    const auto attention = coverage_attention(tape, layout, leaf[3], leaf[4], leaf[5], zero, zero);
    const Variable<double> logits = linear(tape, {leaf[0]}, leaf[1], {});
    return Variables{pointer_mixture<double>(tape, layout, logits, leaf[2], attention.weights, source_ids, targets),
                     attention.context};
  });
}

TEST_CASE("softmax_cross_entropy on the tape, of logits made by linear, has the gradient of its value") {
  const Index labels{2, -1, 0};
  check({{3, 2}, {4, 2}}, [&](Tape<double>& tape, Leaf leaf) {
    const Variable<double> logits = linear(tape, {leaf[0]}, leaf[1], {});
    return Variables{softmax_cross_entropy<double>(tape, logits, labels)};
  });
}

TEST_CASE("gaussian_sample on the tape has the gradient of its value") {
  const Tensor<double> noise = random_tensor<double>({3, 2}, 1, 50);
  check({{3, 2}, {3, 2}}, [&](Tape<double>& tape, Leaf leaf) {
    return Variables{gaussian_sample(tape, leaf[0], leaf[1], noise.view())};
  });
}

TEST_CASE("gaussian_latent on the tape, both of its values and either alone, has the gradient of its value") {
  const Tensor<double> noise = random_tensor<double>({3, 2}, 1, 50);
  for (const int wanted : {0, 1, 2})
    check({{3, 2}, {3, 2}, {3, 2}, {3, 2}}, [&](Tape<double>& tape, Leaf leaf) {
      const auto latent = gaussian_latent<double>(tape, {leaf[0], leaf[1]}, {leaf[2], leaf[3]}, noise.view());
      if (wanted == 2) return Variables{latent.z, latent.kl};
      return Variables{wanted == 0 ? latent.z : latent.kl};
    });
}

TEST_CASE("gaussian_latent on the tape, one variable for mean and raw of both, has the gradient of its value") {
  check({{3, 2}, {3, 2}}, [](Tape<double>& tape, Leaf leaf) {
    const auto latent = gaussian_latent<double>(tape, {leaf[0], leaf[0]}, {leaf[1], leaf[0]});
    return Variables{latent.z, latent.kl};
  });
}

TEST_CASE("gaussian_latent on the tape, drawn from the prior, has the gradient of its value") {
  const Tensor<double> noise = random_tensor<double>({3, 2}, 1, 50);
  check({{3, 2}, {3, 2}}, [&](Tape<double>& tape, Leaf leaf) {
    const auto latent = gaussian_latent<double>(tape, {leaf[0], leaf[1]}, {}, noise.view());
    CHECK_FALSE(latent.kl.wants_gradient());
    return Variables{latent.z};
  });
}

TEST_CASE("policy_divergence on the tape, nothing detached, has the gradient of its value") {
  check({{3, 4}, {3, 4}},
        [](Tape<double>& tape, Leaf leaf) { return Variables{policy_divergence(tape, leaf[0], leaf[1], false)}; });
}

TEST_CASE("the total of loss_sum on the tape, one variable in two terms, has the gradient of its value") {
  check({{3, 2}, {4}, {1}}, [](Tape<double>& tape, Leaf leaf) {
    return Variables{
        loss_sum<double>(tape, {{leaf[0], 1.0 / 6}, {leaf[1], -2.0, 0.5}, {leaf[2], 1.0, 3.0}, {leaf[0], 0.3, 0.25}})
            .total};
  });
}

TEST_CASE("every term of loss_sum on the tape has the gradient of its value, with the total and without") {
  check({{3, 2}, {4}}, [](Tape<double>& tape, Leaf leaf) {
    const auto sum = loss_sum<double>(tape, {{leaf[0], 1.0 / 6}, {leaf[1], -2.0, 0.5}});
    return Variables{sum.term[0], sum.term[1], sum.total};
  });
  check({{3, 2}, {4}}, [](Tape<double>& tape, Leaf leaf) {
    return Variables{loss_sum<double>(tape, {{leaf[0], 1.0 / 6}, {leaf[1], -2.0, 0.5}}).term[1]};
  });
}

TEST_CASE("functions one after the other, with a variable shared between them, have the gradient of their value") {
  const Index labels{1, 0, 3, -1, 2};
  check({{6, 3}, {6, 3}, {6}, {6, 2}, {6}, {4, 2}}, [&](Tape<double>& tape, Leaf leaf) {
    const Index ids{5, 1, 1, 0, 5};
    const Variable<double> x = embedding<double>(tape, leaf[0], ids);
    const Variable<double> gates = linear(tape, {x}, leaf[1], leaf[2]);
    const Variable<double> h = gru_sequence<double>(
        tape, packing, GruLane<double>{.input_gates = gates, .weight_hh = leaf[3], .bias_hh = leaf[4]});
    const Variable<double> recalled = history_attention(tape, packing, h, h, h);
    const Variable<double> logits = linear(tape, {recalled}, leaf[5], {});
    const Variable<double> loss = softmax_cross_entropy<double>(tape, logits, labels);
    return Variables{loss_sum<double>(tape, {{loss, 0.25}, {h, 0.1, 2.0}}).total};
  });
}

TEST_CASE("rows of a matrix have its gradient, whoever of rows and matrix is used, and in whatever order") {
  // Linear layers on rows, on others of them, and on the whole, before and after.
  const auto layer = [](Tape<double>& tape, Variable<double> x, Variable<double> weight) {
    return linear(tape, {x}, weight, {});
  };
  SECTION("rows only, not all of them") {
    check({{4, 3}, {2, 3}}, [&](Tape<double>& tape, Leaf v) {
      const Variable<double> x = linear(tape, {v[0]}, v[1], {});  // a result, whose gradient arrives by its rows alone
      return Variables{gather_rows<double>(tape, {{tape.rows(x, 1, 2), Index{1, 0, 1}}})};
    });
  }
  SECTION("the matrix first, then its rows") {
    check({{4, 3}, {2, 3}}, [&](Tape<double>& tape, Leaf v) {
      return Variables{layer(tape, v[0], v[1]), layer(tape, tape.rows(v[0], 2, 2), v[1])};
    });
  }
  SECTION("its rows first, then the matrix") {
    check({{4, 3}, {2, 3}}, [&](Tape<double>& tape, Leaf v) {
      const Variable<double> top = tape.rows(v[0], 0, 1), rest = tape.rows(v[0], 1, 3);
      const Variable<double> a = layer(tape, top, v[1]), b = layer(tape, rest, v[1]);
      return Variables{layer(tape, v[0], v[1]), a, b};
    });
  }
}

TEST_CASE("rows that a matrix does not have, and rows of rows, are refused") {
  Runtime runtime;
  Context context = runtime.context();
  Tape<double> tape(context);
  const Tensor<double> values({4, 3});
  const Variable<double> x = tape.constant(values.view());
  CHECK_THROWS_AS(tape.rows(x, 3, 2), Error);
  CHECK_THROWS_AS(tape.rows(x, -1, 2), Error);
  CHECK_THROWS_AS(tape.rows(tape.rows(x, 0, 2), 0, 1), Error);
  CHECK(tape.rows(x, 4, 0).rows() == 0);
}
