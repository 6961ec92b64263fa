// vocabulary_loss on the tape, against other losses, in place, at the door, and with wrong gradients.

#include "autograd/functions/elementwise_function.h"
#include "autograd/functions/linear_function.h"
#include "autograd/functions/softmax_cross_entropy_function.h"
#include "autograd/functions/vocabulary_loss_function.h"
#include "tests/autograd/function_checks.h"

#include <cmath>
#include <limits>

using namespace ethreed;
using namespace ethreed::test;
using Catch::Contains;

TEST_CASE("vocabulary_loss on the tape, of logits made by linear, has the gradient of its value") {
  const Index targets{2, -1, 0, 1, 4};
  for (const LabelSmoothing& how : {LabelSmoothing{}, LabelSmoothing{0.1}, LabelSmoothing{0.2, 1}})
    check_on_tape({{5, 3}, {6, 3}, {6}}, [&](Tape<double>& tape, Leaf leaf) {
      return Variables{vocabulary_loss<double>(tape, linear(tape, {leaf[0]}, leaf[1], leaf[2]), targets, how).loss};
    });
}

TEST_CASE("vocabulary_loss leaves a parameter's values alone, and rows of a matrix, and adds to what others gave") {
  const Index targets{2, 0};
  const LabelSmoothing how{0.1, 1};
  check_on_tape({{2, 4}}, [&](Tape<double>& tape, Leaf leaf) {
    return Variables{vocabulary_loss<double>(tape, leaf[0], targets, how).loss, add(tape, leaf[0], leaf[0])};
  });
  check_on_tape({{5, 4}}, [&](Tape<double>& tape, Leaf leaf) {
    const Variable<double> logits = scale(tape, leaf[0], 2.0);
    return Variables{vocabulary_loss<double>(tape, tape.rows(logits, 1, 2), targets, how).loss,
                     vocabulary_loss<double>(tape, tape.rows(logits, 3, 2), targets, how).loss};
  });
}

TEST_CASE("logits turn into their gradient in place: [rows, vocabulary] is in memory once") {
  Bench b;
  const Index targets{2, 0, 1};
  const Variable<double> logits = b.of({3, 4});
  const Variable<double> loss = vocabulary_loss<double>(b.tape, logits, targets, {0.1, 1}).loss;
  const double cotangent[] = {1, 1, 1};
  b.tape.seed(loss, cotangent);
  b.tape.run();
  REQUIRE(b.tape.gradient(logits) == logits.data());
  // softmax is 1/4; p* = 0.9 for the target, 0 for class 1, 0.05 for the others. The third target is the excluded one.
  const double wanted[] = {0.2, 0.25, -0.65, 0.2, -0.65, 0.25, 0.2, 0.2, 0, 0, 0, 0};
  for (int k = 0; k < 12; ++k) CHECK(logits.data()[k] == Approx(wanted[k]).epsilon(1e-14).margin(1e-16));
}

TEST_CASE("without smoothing vocabulary_loss is softmax_cross_entropy, and nll is the loss in either case") {
  const Tensor<double> x = random_tensor<double>({4, 9}, 1, 0, 3.0);
  const Index targets{8, -1, 0, 5};
  Bench b;
  const Variable<double> logits = b.tape.constant(x.view());
  const VocabularyLoss<double> plain = vocabulary_loss<double>(b.tape, logits, targets),
                               smooth = vocabulary_loss<double>(b.tape, logits, targets, {0.1});
  const Variable<double> other = softmax_cross_entropy<double>(b.tape, logits, targets);
  for (int i = 0; i < 4; ++i) {
    CHECK(plain.loss.data()[i] == other.data()[i]);
    CHECK(plain.nll.data()[i] == other.data()[i]);
    CHECK(smooth.nll.data()[i] == other.data()[i]);
    if (i != 1) CHECK(smooth.loss.data()[i] != other.data()[i]);
  }
}

TEST_CASE("the smoothed loss is 0 where the softmax is the wanted distribution, and more anywhere else") {
  Bench b;
  const Index targets{3};
  const Variable<double> logits = b.of({1, 6});
  for (int v = 0; v < 6; ++v) logits.data()[v] = std::log(v == 3 ? 0.9 : v == 1 ? 1e-12 : 0.1 / 4);
  const auto loss = [&] { return vocabulary_loss<double>(b.tape, logits, targets, {0.1, 1}).loss.data()[0]; };
  CHECK(loss() == Approx(0).margin(2e-12));
  logits.data()[5] += 0.1;
  CHECK(loss() > 1e-5);
  logits.data()[1] = -std::numeric_limits<double>::infinity();  // a pad that is excluded from the softmax, too
  CHECK(std::isfinite(loss()));
}

TEST_CASE("the loss of two batches is the sum of their losses: it is divided by nothing") {
  const Tensor<double> x = random_tensor<double>({4, 9}, 1, 0, 3.0);
  const Index all{8, 2, 0, 5}, first{8, 2}, second{0, 5};
  Bench b;
  const auto total = [&](std::int64_t from, const Index& targets) {
    const Variable<double> rows = b.tape.rows(b.tape.constant(x.view()), from, static_cast<int>(targets.size()));
    const Variable<double> loss = vocabulary_loss<double>(b.tape, rows, targets, {0.1, 1}).loss;
    double sum = 0;
    for (std::size_t i = 0; i < targets.size(); ++i) sum += loss.data()[i];
    return sum;
  };
  CHECK(total(0, all) == Approx(total(0, first) + total(2, second)).epsilon(1e-14));
}

TEST_CASE("vocabulary_loss refuses targets, classes and smoothings that do not fit") {
  Bench b;
  const Index fine{0, 2}, high{0, 3}, low{-2, 0};
  const auto run = [&](Shape logits, const Index& targets, LabelSmoothing how = {}) {
    return vocabulary_loss<double>(b.tape, b.of(logits), targets, how);
  };
  CHECK_NOTHROW(run({2, 3}, fine, {0.1, 1}));
  CHECK_NOTHROW(run({0, 3}, {}, {0.1, 1}));
  CHECK_NOTHROW(run({1, 1}, {0}));
  CHECK_THROWS_WITH(run({3, 3}, fine), Contains("vocabulary_loss: logits is [3, 3]") && Contains("2 targets"));
  CHECK_THROWS_WITH(run({2, 0}, fine), Contains("logits is [2, 0]"));
  CHECK_THROWS_WITH(run({2, 3}, high), Contains("target 1 is 3, wanted 0 to 2"));
  CHECK_THROWS_WITH(run({2, 3}, low), Contains("target 0 is -2"));
  CHECK_THROWS_WITH(run({2, 3}, fine, {0.1, 3}), Contains("class 3 is to be excluded, wanted 0 to 2"));
  CHECK_THROWS_WITH(run({2, 3}, fine, {1.0}), Contains("smoothing is 1, wanted 0 to below 1"));
  CHECK_THROWS_WITH(run({2, 3}, fine, {-0.1}), Contains("smoothing is -0.1"));
  CHECK_THROWS_WITH(run({1, 2}, {0}, {0.1, 1}), Contains("no class to share it"));
  CHECK_THROWS_WITH(run({1, 1}, {0}, {0.1}), Contains("no class to share it"));
  CHECK_THROWS_WITH(vocabulary_loss<double>(b.tape, Variable<double>{}, fine), Contains("absent"));
}

namespace {

/// What `damage` does to every element of dlogits of the case "smoothed, one excluded": 6 words, targets 3, 0 and 5,
/// class 1 excluded.
template <class Damage> void require_caught(Damage damage) {
  const auto report =
      check_damaged("vocabulary_loss", "smoothed, one excluded", [&](Gradients& g, const BackwardCall<double>& call) {
        const int targets[] = {3, 0, 5};
        for (std::size_t k = 0; k < g[0].size(); ++k)
          damage(g[0][k], call.cotangents[0][k / 6], static_cast<int>(k % 6), targets[k / 6]);
      });
  require_verdict(report, "logits", Verdict::wrong_gradient);
}

}  // namespace

TEST_CASE("mutant: vocabulary_loss whose gradient is not smoothed") {
  require_caught([](double& gradient, double g, int v, int target) {
    if (v != 1) gradient += v == target ? -0.1 * g : 0.025 * g;
  });
}

TEST_CASE("mutant: vocabulary_loss that gives the excluded class a share") {
  require_caught([](double& gradient, double g, int v, int) {
    if (v == 1) gradient -= 0.025 * g;
  });
}

TEST_CASE("mutant: vocabulary_loss that shares among V - 1 where it is V - 2") {
  require_caught([](double& gradient, double g, int v, int target) {
    if (v != 1 && v != target) gradient += (0.1 / 4 - 0.1 / 5) * g;
  });
}
