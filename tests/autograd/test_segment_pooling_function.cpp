// segment_pooling on the tape, against its neighbours, at the door, and with wrong gradients.

#include "autograd/functions/attention_pooling_function.h"
#include "autograd/functions/elementwise_function.h"
#include "autograd/functions/segment_pooling_function.h"
#include "tests/autograd/function_checks.h"

#include <cstddef>

using namespace ethreed;
using namespace ethreed::test;
using Catch::Contains;

namespace {

using enum SegmentReduction;
using Numbers = std::vector<double>;

}  // namespace

TEST_CASE("segment_pooling on the tape has the gradient of its value, its offsets gone before the backward") {
  for (const SegmentReduction reduction : {sum, mean, max, last})
    check_on_tape({{6, 3}, {6, 3}}, [=](Tape<double>& tape, Leaf leaf) {
      const Index offsets{0, 3, 3, 4, 6};
      // The rows are results of other functions, and have another consumer.
      const Variable<double> x = add(tape, leaf[0], tanh(tape, leaf[1]));
      return Variables{segment_pooling<double>(tape, reduction, offsets, x), tanh(tape, x)};
    });
}

TEST_CASE("two poolings of one matrix add their gradients up") {
  check_on_tape({{5, 2}}, [](Tape<double>& tape, Leaf leaf) {
    const Index offsets{0, 2, 5};
    return Variables{segment_pooling<double>(tape, max, offsets, leaf[0]),
                     segment_pooling<double>(tape, last, offsets, leaf[0]),
                     segment_pooling<double>(tape, mean, offsets, leaf[0])};
  });
}

TEST_CASE("the mean of a segment is attention_pooling's without scores, the sum of its rows as many times that") {
  Bench b;
  const Index offsets{0, 3, 4, 9};
  const Tensor<double> x = random_tensor<double>({9, 4}, 1, 0);
  const Variable<double> rows = b.tape.constant(x.view());
  const Variable<double> wanted = attention_pooling<double>(b.tape, offsets, {}, rows).y,
                         means = segment_pooling<double>(b.tape, mean, offsets, rows),
                         sums = segment_pooling<double>(b.tape, sum, offsets, rows);
  for (int k = 0; k < 12; ++k) {
    CHECK(means.data()[k] == Approx(wanted.data()[k]).epsilon(1e-14));
    CHECK(sums.data()[k] == Approx(wanted.data()[k] * (k < 4 ? 3 : k < 8 ? 1 : 5)).epsilon(1e-14));
  }
}

TEST_CASE("an empty segment has zeros, whatever the reduction") {
  for (const SegmentReduction reduction : {sum, mean, max, last}) {
    Bench b;
    const Index offsets{0, 0, 1, 1};
    const Variable<double> x = b.of({1, 2});
    x.data()[0] = x.data()[1] = -3;
    const Variable<double> y = segment_pooling<double>(b.tape, reduction, offsets, x);
    CHECK(Numbers(y.data(), y.data() + 6) == Numbers{0, 0, -3, -3, 0, 0});
  }
}

TEST_CASE("segment_pooling refuses offsets and rows that do not fit") {
  Bench b;
  const Index fine{0, 2, 2, 3}, late{1, 3}, falling{0, 2, 1, 3}, none;
  const auto run = [&](const Index& offsets, Shape x) {
    return segment_pooling<double>(b.tape, max, offsets, b.of(x));
  };
  CHECK_NOTHROW(run(fine, {3, 2}));
  CHECK(run({0}, {0, 2}).rows() == 0);
  CHECK_THROWS_WITH(run(none, {3, 2}), Contains("segment_pooling: offsets has 0 entries"));
  CHECK_THROWS_WITH(run(late, {3, 2}), Contains("starts with 1"));
  CHECK_THROWS_WITH(run(falling, {3, 2}), Contains("segment 1 goes from row 2 to 1"));
  CHECK_THROWS_WITH(run(fine, {4, 2}), Contains("x is [4, 2], wanted [3, columns]"));
  CHECK_THROWS_WITH(run(fine, {3}), Contains("x is [3]"));
  CHECK_THROWS_WITH(segment_pooling<double>(b.tape, sum, fine, Variable<double>{}), Contains("x is absent"));
}

namespace {

/// Of cases with segments of 2, 1 and 4 rows of 3 columns: damage(dx, dy, row, its segment) of every element of dx.
template <class Damage> void require_caught(const char* case_name, Damage damage) {
  const auto report = check_damaged("segment_pooling", case_name, [&](Gradients& g, const BackwardCall<double>& call) {
    constexpr std::size_t segment_of[] = {0, 0, 1, 2, 2, 2, 2};
    for (std::size_t k = 0; k < g[0].size(); ++k) {
      const std::size_t row = k / 3, segment = segment_of[row];
      damage(g[0][k], call.cotangents[0][3 * segment + k % 3], row, segment);
    }
  });
  require_verdict(report, "x", Verdict::wrong_gradient);
}

}  // namespace

TEST_CASE("mutant: segment_pooling whose mean has the gradient of the sum") {
  require_caught("mean, segments of different lengths", [](double& dx, double dy, auto, auto) { dx = dy; });
}

TEST_CASE("mutant: segment_pooling whose sum gives every row a share") {
  require_caught("sum, segments of different lengths",
                 [](double& dx, double dy, auto, std::size_t segment) { dx = dy / (segment == 2 ? 4 : 1); });
}

TEST_CASE("mutant: segment_pooling whose maximum gives all rows the gradient") {
  require_caught("max, segments of different lengths", [](double& dx, double dy, auto, auto) { dx = dy; });
}

TEST_CASE("mutant: segment_pooling whose last row is the first") {
  require_caught("last, segments of different lengths",
                 [](double& dx, double dy, std::size_t row, auto) { dx = row == 0 || row == 2 || row == 3 ? dy : 0; });
}

TEST_CASE("mutant: segment_pooling that leaves the rows alone that are not the maximum") {
  Runtime runtime;
  Context context = runtime.context();
  const auto problem = find_case("segment_pooling", "max, segments of different lengths").make_double(1);
  CheckedOperation<double> honest(context, *problem);
  Mutant<double> mutant(honest, [](const BackwardCall<double>& call) {
    const GradientSink<double>& dx = call.gradients[0];
    if (!dx || dx.accumulate) return call.run();
    std::vector<double> before(dx.data, dx.data + call.honest.inputs[0].data.size());
    call.run();
    for (std::size_t k = 0; k < before.size(); ++k)
      if (dx.data[k] == 0) dx.data[k] = before[k];
  });
  require_verdict(check_gradients(mutant, {.full_jacobian = true}), "x", Verdict::not_overwritten);
}
