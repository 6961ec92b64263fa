// Wrong gradients that each operation invites: the checker catches them in the operation's own cases, and calls the
// input by its name.

#include "autograd/gradient_checker.h"
#include "tests/autograd/mutants.h"

#include <catch2/catch.hpp>

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
