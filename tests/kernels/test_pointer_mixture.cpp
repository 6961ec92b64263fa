#include "kernels/pointer_distribution/pointer_distribution.h"
#include "kernels/pointer_mixture/pointer_mixture.h"
#include "kernels/pointer_mixture/pointer_rows.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <vector>

namespace {

using namespace ethreed;

/// The inputs of one call, its results and its gradients, each gradient in memory of its own.
template <class T> struct Mixture {
  explicit Mixture(const PointerSetting& setting, std::uint64_t seed = 1)
      : vocabulary(setting.vocabulary), rows(setting.rows) {
    const RowLayout layout = rows.layout();
    const std::int64_t tokens = layout.targets();
    logits = random_logits<T>(setting, tokens, seed);
    gate = random_gates<T>(setting, tokens, seed);
    weights = random_weights<T>(layout, seed, 2);
    cotangent = random_tensor<T>({tokens}, seed, 3);
    for (Tensor<T>* t : {&log_probability, &copy_mass, &dgate}) *t = Tensor<T>({tokens});
    lse = Tensor<math::LogSumExp<T>>({tokens});
    dlogits = Tensor<T>(logits.shape());
    dweights = Tensor<T>(weights.shape());
  }

  PointerMixtureForward<T> arguments() {
    return {.layout = rows.layout(),
            .vocabulary = vocabulary,
            .logits = logits.data(),
            .gate_logit = gate.data(),
            .weights = weights.data(),
            .source_ids = rows.source_ids.data(),
            .targets = rows.targets.data(),
            .log_probability = log_probability.data(),
            .lse = lse.data(),
            .copy_mass = copy_mass.data()};
  }
  void run(bool in_place = false) {
    Context context = runtime.context();
    pointer_mixture_forward(context, arguments());
    pointer_mixture_backward<T>(context, {.forward = arguments(),
                                          .dlog_probability = cotangent.data(),
                                          .dlogits = {in_place ? logits.data() : dlogits.data(), false},
                                          .dgate_logit = {dgate.data(), false},
                                          .dweights = {dweights.data(), false}});
  }

  Runtime runtime{2};
  int vocabulary;
  PointerRows rows;
  Tensor<T> logits, gate, weights, cotangent;
  Tensor<T> log_probability, copy_mass;
  Tensor<math::LogSumExp<T>> lse;
  Tensor<T> dlogits, dgate, dweights;
};

/// The composed formula in double: the dense distribution over the extended vocabulary in probability space, and its
/// gradients by the chain rule through P, softmax and σ, step by step.
struct Composed {
  std::vector<double> log_probability, dlogits, dgate, dweights;
};

Composed composed(const Mixture<double>& m) {
  const RowLayout layout = m.rows.layout();
  const int vocabulary = m.vocabulary;
  const int extended = vocabulary + extra_words(m.rows.source_ids, vocabulary);
  Composed out;
  out.dweights.resize(layout.weights());
  for (int r = 0; r < layout.rows(); ++r)
    for (int i = 0; i < layout.target_count(r); ++i) {
      const int token = layout.target(r) + i;
      const int sources = layout.source_count(r);
      const std::int64_t first_weight = layout.weight(r) + std::int64_t{i} * sources;
      const auto word_at = [&](int j) { return m.rows.source_ids[layout.source(r) + j]; };
      std::vector<double> p_vocabulary(extended, 0.0), p(extended, 0.0), copy(extended, 0.0);
      double sum = 0;
      for (int k = 0; k < vocabulary; ++k) sum += std::exp(m.logits[std::int64_t{token} * vocabulary + k]);
      for (int k = 0; k < vocabulary; ++k)
        p_vocabulary[k] = std::exp(m.logits[std::int64_t{token} * vocabulary + k]) / sum;
      for (int j = 0; j < sources; ++j) copy[word_at(j)] += m.weights[first_weight + j];
      const double p_gen = 1 / (1 + std::exp(-m.gate[token]));
      for (int w = 0; w < extended; ++w) p[w] = p_gen * p_vocabulary[w] + (1 - p_gen) * copy[w];

      const std::int32_t y = m.rows.targets[token];
      const double dp = m.cotangent[token] / p[y];
      out.log_probability.push_back(std::log(p[y]));
      for (int j = 0; j < sources; ++j) out.dweights[first_weight + j] = word_at(j) == y ? (1 - p_gen) * dp : 0.0;
      out.dgate.push_back(dp * (p_vocabulary[y] - copy[y]) * p_gen * (1 - p_gen));
      for (int k = 0; k < vocabulary; ++k)
        out.dlogits.push_back(p_gen * dp * p_vocabulary[y] * ((k == y ? 1.0 : 0.0) - p_vocabulary[k]));
    }
  return out;
}

void check_close(const Tensor<double>& got, const std::vector<double>& want) {
  REQUIRE(got.count() == count_of(want));
  for (std::size_t i = 0; i < want.size(); ++i)
    CHECK(got[static_cast<std::int64_t>(i)] == Approx(want[i]).epsilon(1e-10).margin(1e-14));
}

template <class T> bool all_finite(const Tensor<T>& tensor) {
  return std::all_of(tensor.span().begin(), tensor.span().end(), [](T x) { return std::isfinite(x); });
}

// V = 7 throughout: 7, 8, … are out of vocabulary.
const std::vector<PointerRow> mixed = {{{4, 7, 5, 4, 8, 7, 3}, {4, 6, 7, 8, 3}}, {{6, 3}, {5, 3}}, {{7}, {7, 3}}};

}  // namespace

TEST_CASE("the fused pointer mixture equals the composed probability-space formula, with its gradients") {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    Mixture<double> m({.vocabulary = 7, .rows = mixed}, seed);
    m.run();
    const Composed want = composed(m);
    check_close(m.log_probability, want.log_probability);
    check_close(m.dlogits, want.dlogits);
    check_close(m.dgate, want.dgate);
    check_close(m.dweights, want.dweights);
  }
}

TEMPLATE_TEST_CASE("p_gen at 0 or 1 gives finite log probability and gradients", "", float, double) {
  for (const double gate : {-1000.0, -200.0, -80.0, 80.0, 200.0, 1000.0}) {
    Mixture<TestType> m({.vocabulary = 7, .rows = mixed, .gate_scale = 0, .gate_offset = gate});
    m.run();
    INFO("gate logit " << gate);
    CHECK(all_finite(m.log_probability));
    CHECK(all_finite(m.dlogits));
    CHECK(all_finite(m.dgate));
    CHECK(all_finite(m.dweights));
    // The first target, 4, can be written both ways, the second, 6, can't be copied, the third, 7, must be copied.
    const auto p_gen_is_one = gate > 0;
    CHECK(static_cast<double>(m.log_probability[0]) > -20);
    if (p_gen_is_one)
      CHECK(static_cast<double>(m.log_probability[2]) == Approx(std::log(m.copy_mass[2]) - gate).epsilon(1e-5));
    else
      CHECK(static_cast<double>(m.log_probability[1]) ==
            Approx(m.lse[1].log_probability(m.logits[7 + 6]) + gate).epsilon(1e-5));
    // A word that can only be written the way the gate has closed pushes the gate with its whole cotangent.
    const int token = p_gen_is_one ? 2 : 1;
    CHECK(m.dgate[token] == Approx(p_gen_is_one ? -m.cotangent[token] : m.cotangent[token]).epsilon(1e-5));
  }
}

TEMPLATE_TEST_CASE("a vocabulary word of vanishing probability that is not in the source has finite gradients", "",
                   float, double) {
  Mixture<TestType> m({.vocabulary = 7, .rows = {{{4, 5}, {6, 3}}}});
  for (int token = 0; token < 2; ++token) m.logits[token * 7 + m.rows.targets[token]] = -900;
  m.run();
  CHECK(all_finite(m.log_probability));
  CHECK(all_finite(m.dlogits));
  CHECK(all_finite(m.dgate));
  CHECK(all_finite(m.dweights));
}

TEST_CASE("every repeated source word receives the copy gradient") {
  Mixture<double> m({.vocabulary = 7, .rows = {{{4, 5, 4, 8, 4, 8}, {4, 8}}}});
  m.run();
  const double first = m.dweights[0], second = m.dweights[6 + 3];
  CHECK(first != 0);
  CHECK(second != 0);
  CHECK(std::vector<double>(m.dweights.data(), m.dweights.data() + 12) ==
        std::vector<double>{first, 0, first, 0, first, 0, 0, 0, 0, second, 0, second});
  // and the mass of all three counts
  CHECK(m.copy_mass[0] == Approx(m.weights[0] + m.weights[2] + m.weights[4]));
}

TEST_CASE("all-OOV source: targets are copied, vocabulary words are generated") {
  Mixture<double> m({.vocabulary = 7, .rows = {{{7, 8, 9}, {8, 5}}}});
  m.run();
  const double p_gen = 1 / (1 + std::exp(-m.gate[0]));
  CHECK(m.log_probability[0] == Approx(std::log((1 - p_gen) * m.weights[1])));
  CHECK(m.dgate[0] == Approx(-m.cotangent[0] * p_gen));
  for (int k = 0; k < 7; ++k) CHECK(m.dlogits[k] == 0);
  CHECK(m.log_probability[1] == Approx(math::log_sigmoid(m.gate[1]) + m.lse[1].log_probability(m.logits[7 + 5])));
  for (int j = 3; j < 6; ++j) CHECK(m.dweights[j] == 0);
}

TEST_CASE("a target that is only EOS") {
  // EOS is at the end of the first source (copying helps) and not in the second.
  Mixture<double> m({.vocabulary = 7, .rows = {{{4, 5, 3}, {3}}, {{4, 5}, {3}}}});
  m.run();
  const Composed want = composed(m);
  check_close(m.log_probability, want.log_probability);
  check_close(m.dweights, want.dweights);
  CHECK(m.copy_mass[0] == m.weights[2]);
  CHECK(m.copy_mass[1] == 0);
}

TEST_CASE("rows without targets, at either end and between others, take nothing from their neighbours") {
  const PointerRow empty{{5, 6}, {}};
  const PointerRow first{{4, 5, 3}, {4, 3}}, second{{6, 7}, {7, 6, 5, 6, 3}};
  Mixture<double> with({.vocabulary = 7, .rows = {empty, first, empty, empty, second, empty}});
  Mixture<double> without({.vocabulary = 7, .rows = {first, second}});
  with.run();
  without.run();
  for (std::int64_t i = 0; i < 7; ++i) CHECK(with.log_probability[i] == without.log_probability[i]);
  for (std::int64_t i = 0; i < with.dweights.count(); ++i) CHECK(with.dweights[i] == without.dweights[i]);
}

TEMPLATE_TEST_CASE("the gradient made in place of the logits equals the one in memory of its own", "", float, double) {
  for (const PointerSetting& setting : {PointerSetting{.vocabulary = 7, .rows = mixed}, dialogue_setting(1003)}) {
    Mixture<TestType> apart(setting), in_place(setting);
    apart.run();
    in_place.run(true);
    CHECK(std::equal(apart.dlogits.span().begin(), apart.dlogits.span().end(), in_place.logits.span().begin()));
    CHECK(std::equal(apart.dgate.span().begin(), apart.dgate.span().end(), in_place.dgate.span().begin()));
    CHECK(std::equal(apart.dweights.span().begin(), apart.dweights.span().end(), in_place.dweights.span().begin()));
    // It is a gradient of a softmax: every row sums to 0.
    for (std::int64_t i = 0; i < apart.dlogits.rows(); ++i) {
      double sum = 0;
      for (int k = 0; k < setting.vocabulary; ++k)
        sum += static_cast<double>(in_place.logits[i * setting.vocabulary + k]);
      CHECK(sum == Approx(0).margin(1e-5));
    }
  }
}

TEST_CASE("probabilities over the extended vocabulary sum to 1 and agree with the mixture at every target") {
  for (const double offset : {-80.0, 0.0, 80.0}) {
    Mixture<double> m({.vocabulary = 7, .rows = mixed, .gate_offset = offset});
    m.run();
    const int extra = extra_words(m.rows.source_ids, 7);
    REQUIRE(extra == 2);
    const RowLayout layout = m.rows.layout();
    Tensor<double> out({layout.targets(), 7 + extra});
    Context context = m.runtime.context();
    pointer_distribution_forward<double>(context, {.layout = layout,
                                                   .vocabulary = 7,
                                                   .extra = extra,
                                                   .logits = m.logits.data(),
                                                   .gate_logit = m.gate.data(),
                                                   .weights = m.weights.data(),
                                                   .source_ids = m.rows.source_ids.data(),
                                                   .out = out.data()});
    for (int token = 0; token < layout.targets(); ++token) {
      double sum = 0;
      for (int w = 0; w < 7 + extra; ++w) sum += std::exp(out[token * (7 + extra) + w]);
      CHECK(sum == Approx(1.0).epsilon(1e-12));
      CHECK(out[token * (7 + extra) + m.rows.targets[token]] == Approx(m.log_probability[token]).epsilon(1e-12));
    }
    // Row 1 has no word out of vocabulary, row 2 has 7 alone.
    for (const int place : {5 * 9 + 7, 5 * 9 + 8, 7 * 9 + 8}) CHECK(out[place] == -INFINITY);
    CHECK(out[7 * 9 + 7] > -INFINITY);
  }
}
