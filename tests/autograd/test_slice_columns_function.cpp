// slice_columns on the tape, as the inverse of joining, at the door, and with wrong gradients.

#include "autograd/functions/elementwise_function.h"
#include "autograd/functions/gather_rows_function.h"
#include "autograd/functions/slice_columns_function.h"
#include "tests/autograd/function_checks.h"

using namespace ethreed;
using namespace ethreed::test;
using Catch::Contains;

TEST_CASE("slice_columns on the tape has the gradient of its value, of a matrix that others read, too") {
  check_on_tape({{3, 5}, {3, 5}}, [](Tape<double>& tape, Leaf leaf) {
    const Variable<double> x = add(tape, leaf[0], leaf[1]);
    return Variables{tanh(tape, slice_columns(tape, x, 1, 3)), tanh(tape, x)};
  });
}

TEST_CASE("slices that overlap, that nothing is read of and that split a matrix add their gradients up") {
  check_on_tape({{2, 6}}, [](Tape<double>& tape, Leaf leaf) {
    return Variables{slice_columns(tape, leaf[0], 0, 2), slice_columns(tape, leaf[0], 2, 3),
                     slice_columns(tape, leaf[0], 1, 5), slice_columns(tape, leaf[0], 6, 0)};
  });
}

TEST_CASE("what gather_rows joins slice_columns takes apart, to the bit") {
  Bench b;
  const Tensor<double> left = random_tensor<double>({4, 3}, 1, 0), right = random_tensor<double>({4, 2}, 1, 1);
  const Index all{0, 1, 2, 3};
  const Variable<double> joined =
      gather_rows<double>(b.tape, {{b.tape.constant(left.view()), all}, {b.tape.constant(right.view()), all}});
  const Variable<double> first = slice_columns(b.tape, joined, 0, 3), second = slice_columns(b.tape, joined, 3, 2);
  CHECK(std::vector<double>(first.data(), first.data() + 12) ==
        std::vector<double>(left.data(), left.data() + left.count()));
  CHECK(std::vector<double>(second.data(), second.data() + 8) ==
        std::vector<double>(right.data(), right.data() + right.count()));
}

TEST_CASE("slice_columns refuses columns that are not all there") {
  Bench b;
  const Variable<double> x = b.of({2, 5});
  CHECK(slice_columns(b.tape, x, 5, 0).columns() == 0);
  CHECK(slice_columns(b.tape, b.of({0, 5}), 1, 2).rows() == 0);
  CHECK_THROWS_WITH(slice_columns(b.tape, x, 3, 3),
                    Contains("slice_columns: 3 columns from column 3 on") && Contains("x is [2, 5]"));
  CHECK_THROWS_WITH(slice_columns(b.tape, x, -1, 2), Contains("from column -1 on"));
  CHECK_THROWS_WITH(slice_columns(b.tape, x, 0, -1), Contains("-1 columns"));
  CHECK_THROWS_WITH(slice_columns(b.tape, x, 2, 2'147'483'647), Contains("2147483647 columns from column 2 on"));
  CHECK_THROWS_WITH(slice_columns(b.tape, b.of({4}), 0, 1), Contains("x is [4], wanted [rows, columns]"));
  CHECK_THROWS_WITH(slice_columns(b.tape, Variable<double>{}, 0, 1), Contains("absent"));
}

TEST_CASE("mutant: slice_columns whose gradient goes to the first columns") {
  const auto report =
      check_damaged("slice_columns", "columns within", [](Gradients& g, const BackwardCall<double>& call) {
        for (std::size_t k = 0; k < g[0].size(); ++k) g[0][k] = k % 5 < 3 ? call.cotangents[0][k / 5 * 3 + k % 5] : 0;
      });
  require_verdict(report, "x", Verdict::wrong_gradient);
}

TEST_CASE("mutant: slice_columns that leaves the other columns alone where it overwrites") {
  Runtime runtime;
  Context context = runtime.context();
  const auto problem = find_case("slice_columns", "columns within").make_double(1);
  CheckedOperation<double> honest(context, *problem);
  Mutant<double> mutant(honest, [](const BackwardCall<double>& call) {
    const GradientSink<double>& dx = call.gradients[0];
    if (!dx || dx.accumulate) return call.run();
    std::vector<double> before(dx.data, dx.data + 15);
    call.run();
    for (std::size_t k = 0; k < 15; ++k)
      if (k % 5 < 1 || k % 5 > 3) dx.data[k] = before[k];
  });
  require_verdict(check_gradients(mutant, {.full_jacobian = true}), "x", Verdict::not_overwritten);
}
