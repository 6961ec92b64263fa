// Wrong gradients that each operation invites: the checker catches them in the operation's own cases, and calls the
// input by its name.

#include "autograd/gradient_checker.h"
#include "tests/autograd/mutants.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>

using namespace ethreed;
using namespace ethreed::test;

namespace {

using Values = std::vector<std::vector<double>>;
using Call = BackwardCall<double>;

/// The verdict on every input of a case of the table whose backward has been tampered with. The honest one passes.
std::vector<Verdict> verdicts(std::string_view operation, std::string_view name, Mutant<double>::Backward backward) {
  Runtime runtime;
  Context context = runtime.context();
  const auto problem = find_case(operation, name).make_double(1);
  CheckedOperation<double> honest(context, *problem);
  const CheckOptions options{.full_jacobian = true};
  CHECK(check_gradients(honest, options).text() == "passed");
  Mutant<double> mutant(honest, std::move(backward));
  std::vector<Verdict> found;
  for (const InputReport& row : check_gradients(mutant, options).inputs) found.push_back(row.verdict);
  return found;
}

constexpr Verdict passed = Verdict::passed, wrong = Verdict::wrong_gradient;

}  // namespace

TEST_CASE("mutant: attention_pooling's softmax without the mean that it takes off") {
  // Segments of 2, 1 and 4 entries, 3 columns; inputs x, scores; outputs y, weights.
  constexpr std::size_t segment_of[] = {0, 0, 1, 2, 2, 2, 2};
  CHECK(verdicts("attention_pooling", "segments of different lengths",
                 wrong_numbers<double>([&](Values& gradients, const Call& call) {
                   for (std::size_t j = 0; j < gradients[1].size(); ++j)
                     for (std::size_t c = 3 * segment_of[j]; c < 3 * segment_of[j] + 3; ++c)
                       gradients[1][j] +=
                           call.honest.outputs[1].data[j] * call.cotangents[0][c] * call.honest.outputs[0].data[c];
                 })) == std::vector{passed, wrong});
}

TEST_CASE("mutant: attention_pooling's rows with the gradient of the last entry that reads them alone") {
  // Entries 0, 2 and 6 read row 5, segments 0, 0 and 2 of 3, 2 and 3 entries, 3 columns.
  CHECK(verdicts("attention_pooling", "rows read several times, and rows that nobody reads",
                 wrong_numbers<double>([](Values& gradients, const Call& call) {
                   if (gradients[0].empty()) return;
                   for (std::size_t c = 0; c < 3; ++c)
                     gradients[0][3 * 5 + c] = call.honest.outputs[1].data[6] * call.cotangents[0][3 * 2 + c];
                 })) == std::vector{wrong, passed});
}

TEST_CASE("mutant: attention_pooling leaves the rows alone that nobody reads") {
  CHECK(verdicts("attention_pooling", "rows read several times, and rows that nobody reads", [](const Call& call) {
          const GradientSink<double>& dx = call.gradients[0];
          if (!dx) return call.run();
          std::vector<double> before(dx.data, dx.data + call.honest.inputs[0].data.size());
          call.run();
          for (const std::size_t r : {0U, 2U, 4U, 6U}) std::copy_n(before.data() + 3 * r, 3, dx.data + 3 * r);
        }) == std::vector{Verdict::not_overwritten, passed});
}

// Inputs mean_p, raw_p, mean_q, raw_q, noise; outputs z [rows, Z], kl [rows].

TEST_CASE("mutant: gaussian_latent's variance with a gradient where it is at its least") {
  CHECK(verdicts("gaussian_latent", "variances at their least",
                 wrong_numbers<double>([](Values& gradients, const Call& call) {
                   const auto raw = call.honest.inputs[1].data;
                   for (std::size_t i = 0; i < gradients[1].size(); ++i) {
                     if (raw[i] > -16.2) continue;
                     // v_p = 1e-8 and v' = 0.1·σ(raw), as if v_p followed softplus.
                     const double distance = call.honest.inputs[2].data[i] - call.honest.inputs[0].data[i];
                     const double v_q = std::max(0.1 * std::log1p(std::exp(call.honest.inputs[3].data[i])), 1e-8);
                     gradients[1][i] += call.cotangents[1][i / 8] * 0.1 / (1 + std::exp(-raw[i])) *
                                        (1e8 - (v_q + distance * distance) * 1e16) / 2;
                   }
                 })) == std::vector{passed, wrong, passed, passed});
}

TEST_CASE("mutant: gaussian_latent's divergence the other way round, KL(p‖q), in the means") {
  CHECK(verdicts("gaussian_latent", "three rows", wrong_numbers<double>([](Values& gradients, const Call& call) {
                   const auto variance = [&](std::size_t input, std::size_t i) {
                     return 0.1 * std::log1p(std::exp(call.honest.inputs[input].data[i]));
                   };
                   for (std::size_t i = 0; i < gradients[0].size(); ++i)
                     gradients[0][i] *= variance(1, i) / variance(3, i);  // Δ/v_q instead of Δ/v_p
                 })) == std::vector{wrong, passed, passed, passed});
}

TEST_CASE("mutant: gaussian_latent's variance taken for a standard deviation") {
  CHECK(verdicts("gaussian_latent", "drawn from the prior",
                 wrong_numbers<double>([](Values& gradients, const Call& call) {
                   const auto raw = call.honest.inputs[1].data;
                   for (std::size_t i = 0; i < gradients[1].size(); ++i)
                     gradients[1][i] *= 2 * std::sqrt(0.1 * std::log1p(std::exp(raw[i])));  // dz ε v'
                 })) == std::vector{passed, wrong});
}

TEST_CASE("mutant: gaussian_latent's divergence without a gradient by the prior") {
  CHECK(verdicts("gaussian_latent", "three rows", wrong_numbers<double>([](Values& gradients, const Call&) {
                   for (const std::size_t input : {0U, 1U}) gradients[input].assign(gradients[input].size(), 0.0);
                 })) == std::vector{wrong, wrong, passed, passed});
}
