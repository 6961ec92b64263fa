// copy_loss on the tape, against other losses, in place, at the door, and with wrong gradients.

#include "autograd/functions/copy_loss_function.h"
#include "autograd/functions/elementwise_function.h"
#include "autograd/functions/linear_function.h"
#include "autograd/functions/pointer_mixture_function.h"
#include "kernels/pointer_mixture/pointer_rows.h"
#include "tests/autograd/function_checks.h"

#include <algorithm>
#include <cmath>
#include <string_view>

using namespace ethreed;
using namespace ethreed::test;
using Catch::Contains;

namespace {

// V = 7; −1 is no word.
const std::vector<PointerRow> rows = {{{4, -1, 5, 4, 3}, {4, 6, 0, 1}}, {{6, 3}, {5, -1}}};

struct Made {
  explicit Made(const std::vector<PointerRow>& of, std::uint64_t seed = 1) : data(of) {
    const RowLayout layout = data.layout();
    logits = random_tensor<double>({layout.targets(), 7}, seed, 0, 2.0);
    gates = random_tensor<double>({layout.targets(), 1}, seed, 1);
    weights = random_weights<double>(layout, seed, 2);
  }
  PointerRows data;
  Tensor<double> logits, gates, weights;
};

}  // namespace

TEST_CASE("copy_loss on the tape, its logits made by linear, has the gradient of its value") {
  const PointerRows data(rows);
  const RowLayout layout = data.layout();
  const int tokens = layout.targets(), weights = static_cast<int>(layout.weights());
  for (const LabelSmoothing& how : {LabelSmoothing{}, LabelSmoothing{0.1}, LabelSmoothing{0.2, 1}})
    check_on_tape({{tokens, 3}, {7, 3}, {tokens, 1}, {weights}}, [&](Tape<double>& tape, Leaf leaf) {
      // Weights are not negative.
      const Variable<double> w = sigmoid(tape, leaf[3]);
      return Variables{copy_loss<double>(tape, layout, linear(tape, {leaf[0]}, leaf[1], Variable<double>{}), leaf[2], w,
                                         data.source_ids, data.targets, how)
                           .loss};
    });
}

TEST_CASE("copy_loss leaves a parameter's values alone and adds to what others gave") {
  const PointerRows data(rows);
  const RowLayout layout = data.layout();
  const int tokens = layout.targets();
  check_on_tape({{tokens, 7}, {tokens}, {static_cast<int>(layout.weights())}}, [&](Tape<double>& tape, Leaf leaf) {
    return Variables{copy_loss<double>(tape, layout, leaf[0], leaf[1], sigmoid(tape, leaf[2]), data.source_ids,
                                       data.targets, {0.1, 1})
                         .loss,
                     add(tape, leaf[0], leaf[0])};
  });
}

TEST_CASE("where nothing is copied copy_loss is vocabulary_loss, without smoothing it is that of pointer_mixture") {
  Made made(rows);
  Bench b;
  const RowLayout layout = made.data.layout();
  const auto constant = [&](const Tensor<double>& x) { return b.tape.constant(x.view()); };
  const Variable<double> logits = constant(made.logits), weights = constant(made.weights);
  Tensor<double> always({layout.targets(), 1});
  for (double& gate : always.span()) gate = 60;  // σ is 1 but for 1e-26
  const auto of = [&](Variable<double> gate, const LabelSmoothing& how) {
    return copy_loss<double>(b.tape, layout, logits, gate, weights, made.data.source_ids, made.data.targets, how);
  };
  const VocabularyLoss<double> generated = of(constant(always), {0.1, 1}),
                               wanted = vocabulary_loss<double>(b.tape, logits, made.data.targets, {0.1, 1});
  for (int i = 0; i < layout.targets(); ++i) {
    CHECK(generated.loss.data()[i] == Approx(wanted.loss.data()[i]).epsilon(1e-13));
    CHECK(generated.nll.data()[i] == Approx(wanted.nll.data()[i]).epsilon(1e-13));
  }
  CHECK(generated.loss.data()[3] == 0);  // its target is the excluded word
  CHECK(generated.loss.data()[5] == 0);  // it has none

  const std::vector<PointerRow> words = {{{4, 2, 5, 4, 3}, {4, 6, 0}}, {{6, 3}, {5}}};
  Made plain(words, 2);
  const RowLayout other = plain.data.layout();
  const VocabularyLoss<double> loss =
      copy_loss<double>(b.tape, other, constant(plain.logits), constant(plain.gates), constant(plain.weights),
                        plain.data.source_ids, plain.data.targets);
  const Variable<double> log_probability =
      pointer_mixture<double>(b.tape, other, constant(plain.logits), constant(plain.gates), constant(plain.weights),
                              plain.data.source_ids, plain.data.targets);
  for (int i = 0; i < other.targets(); ++i) {
    CHECK(loss.loss.data()[i] == Approx(-log_probability.data()[i]).epsilon(1e-13));
    CHECK(loss.nll.data()[i] == loss.loss.data()[i]);
  }
}

TEST_CASE(
    "copy_loss of a target that the vocabulary lacks is that of pointer_mixture, but for the share of the others") {
  const std::vector<PointerRow> words = {{{4, 8, 5, 8, 7}, {8, 4, 7}}, {{7, 3}, {7}}};
  Made made(words, 3);
  Bench b;
  const RowLayout layout = made.data.layout();
  const Variable<double> logits = b.tape.constant(made.logits.view()), gates = b.tape.constant(made.gates.view()),
                         weights = b.tape.constant(made.weights.view());
  const auto of = [&](const LabelSmoothing& how) {
    return copy_loss<double>(b.tape, layout, logits, gates, weights, made.data.source_ids, made.data.targets, how);
  };
  const VocabularyLoss<double> plain = of({}), smoothed = of({0.1, 1});
  const double vocabulary = static_cast<double>(made.logits.view().columns()),
               others = 0.1 * (vocabulary - 1) / (vocabulary - 2);
  const Variable<double> log_probability =
      pointer_mixture<double>(b.tape, layout, logits, gates, weights, made.data.source_ids, made.data.targets);
  for (int i = 0; i < layout.targets(); ++i) {
    CHECK(plain.loss.data()[i] == Approx(-log_probability.data()[i]).epsilon(1e-13));
    CHECK(smoothed.nll.data()[i] == Approx(-log_probability.data()[i]).epsilon(1e-13));
    // What the words of the vocabulary add is least where they have all that is left (the log sum inequality).
    CHECK(smoothed.loss.data()[i] > 0.9 * plain.loss.data()[i] + 0.9 * std::log(0.9) + others * std::log(others));
    CHECK(smoothed.loss.data()[i] != plain.loss.data()[i]);
  }
}

TEST_CASE("copy_loss turns logits into their gradient in place: [tokens, vocabulary] is in memory once") {
  Made made(rows);
  Bench b;
  const RowLayout layout = made.data.layout();
  const Variable<double> logits = b.of({layout.targets(), 7});
  const Variable<double> loss =
      copy_loss<double>(b.tape, layout, logits, b.tape.constant(made.gates.view()),
                        b.tape.constant(made.weights.view()), made.data.source_ids, made.data.targets, {0.1, 1})
          .loss;
  const std::vector<double> cotangent(static_cast<std::size_t>(layout.targets()), 1.0);
  b.tape.seed(loss, cotangent.data());
  b.tape.run();
  REQUIRE(b.tape.gradient(logits) == logits.data());
  for (int i = 0; i < layout.targets(); ++i) {  // P does not change where all logits do
    double sum = 0;
    for (int v = 0; v < 7; ++v) sum += logits.data()[7 * i + v];
    CHECK(sum == Approx(0).margin(1e-14));
  }
}

TEST_CASE("copy_loss refuses what does not fit its layout, and words that are none") {
  Made made(rows);
  Bench b;
  const RowLayout layout = made.data.layout();
  const Variable<double> logits = b.tape.constant(made.logits.view()), gates = b.tape.constant(made.gates.view()),
                         weights = b.tape.constant(made.weights.view());
  Index ids(made.data.source_ids.begin(), made.data.source_ids.end()),
      targets(made.data.targets.begin(), made.data.targets.end());
  const auto refused = [&](Variable<double> l, Variable<double> g, Variable<double> w, const std::string& why,
                           const LabelSmoothing& how = {}) {
    CHECK_THROWS_WITH(copy_loss<double>(b.tape, layout, l, g, w, ids, targets, how),
                      Contains("copy_loss") && Contains(why));
  };
  CHECK_NOTHROW(copy_loss<double>(b.tape, layout, logits, gates, weights, ids, targets));
  refused({}, gates, weights, "logits is absent");
  refused(gates, {}, weights, "gate_logit is absent");
  refused(logits, logits, weights, "gate_logit is [6, 7]");
  refused(logits, gates, gates, "weights is [6, 1], wanted [24]");
  refused(logits, gates, weights, "smoothing is 1", {1.0});
  refused(logits, gates, weights, "word 7 is to be excluded", {0.1, 7});
  ids[1] = -2;
  refused(logits, gates, weights, "source id 1 is -2");
  ids[1] = 0;
  targets[2] = 7;  // a word that the vocabulary lacks
  refused(logits, gates, weights, "target 2 is 7");
  ids[5] = 7;  // of the other row
  refused(logits, gates, weights, "target 2 is 7");
  ids[1] = 7;
  CHECK_NOTHROW(copy_loss<double>(b.tape, layout, logits, gates, weights, ids, targets));
  targets.pop_back();
  refused(logits, gates, weights, "got 5 targets");
  ids.pop_back();
  refused(logits, gates, weights, "got 6 source ids");
}

namespace {

/// Of the case "three ragged rows" with 7 words: what `damage` does to the gradients is found in these inputs alone.
template <class Damage> void require_caught(const std::vector<std::string_view>& inputs, Damage damage) {
  const auto report = check_damaged("copy_loss", "three ragged rows", damage);
  for (const std::string_view input : {"logits", "gate_logit", "weights"})
    require_verdict(report, input, std::ranges::count(inputs, input) > 0 ? Verdict::wrong_gradient : Verdict::passed);
}

}  // namespace

TEST_CASE("mutant: copy_loss whose gate has the gradient of the other gate") {
  require_caught({"gate_logit"}, [](Gradients& g, const BackwardCall<double>&) {
    for (double& gate : g[1]) gate = -gate;
  });
}

TEST_CASE("mutant: copy_loss whose logits have the gradient of vocabulary_loss, as if nothing were copied") {
  require_caught({"logits"}, [](Gradients& g, const BackwardCall<double>& call) {
    constexpr std::size_t targets[] = {4, 6, 0, 3, 5, 3, 5};  // 0.1 is smoothed over the 5 other words but word 1
    const auto logits = call.honest.inputs[0].data;
    for (std::size_t k = 0; k < g[0].size(); ++k) {
      const std::size_t token = k / 7, word = k % 7;
      double sum = 0;
      for (std::size_t j = 7 * token; j < 7 * token + 7; ++j) sum += std::exp(logits[j]);
      const double wanted = word == targets[token] ? 0.9 : word == 1 ? 0.0 : 0.02;
      g[0][k] = call.cotangents[0][token] * (std::exp(logits[k]) / sum - wanted);
    }
  });
}

TEST_CASE("mutant: copy_loss whose weights have the gradient of their logarithms") {
  require_caught({"weights"}, [](Gradients& g, const BackwardCall<double>& call) {
    for (std::size_t k = 0; k < g[2].size(); ++k) g[2][k] *= call.honest.inputs[2].data[k];
  });
}
