// time_windows on the tape, as a convolution, at the door, and with wrong gradients.

#include "autograd/functions/linear_function.h"
#include "autograd/functions/time_windows_function.h"
#include "tests/autograd/function_checks.h"

#include <algorithm>

using namespace ethreed;
using namespace ethreed::test;
using Catch::Contains;

TEST_CASE("time_windows on the tape has the gradient of its value, its offsets gone before the backward") {
  for (const int left : {0, 1, 2})
    check_on_tape({{5, 2}}, [=](Tape<double>& tape, Leaf leaf) {
      const Index offsets{0, 3, 3, 5};
      return Variables{time_windows<double>(tape, offsets, leaf[0], 3, left)};
    });
}

TEST_CASE("linear of time_windows is the convolution over time of the textbook, and has its gradient") {
  constexpr int in = 3, out = 2, width = 3;
  const Index offsets{0, 4, 5, 11};
  const Tensor<double> x = random_tensor<double>({11, in}, 1, 0),
                       kernel = random_tensor<double>({out, width * in}, 1, 1),
                       bias = random_tensor<double>({out}, 1, 2);
  for (const int left : {1, 2}) {
    Bench b;
    const Variable<double> y =
        linear(b.tape, {time_windows<double>(b.tape, offsets, b.tape.constant(x.view()), width, left)},
               b.tape.constant(kernel.view()), b.tape.constant(bias.view()));
    for (std::size_t s = 0; s + 1 < offsets.size(); ++s)
      for (int t = offsets[s]; t < offsets[s + 1]; ++t)
        for (int j = 0; j < out; ++j) {
          // Y[t] = b + Σ_k W_k X[t + k − p], X = 0 outside of the sequence.
          double wanted = bias[j];
          for (int k = 0; k < width; ++k)
            for (int i = 0; i < in; ++i)
              if (t + k - left >= offsets[s] && t + k - left < offsets[s + 1])
                wanted += kernel[j * width * in + k * in + i] * x[(t + k - left) * in + i];
          CHECK(y.data()[t * out + j] == Approx(wanted).epsilon(1e-13).margin(1e-14));
        }
    check_on_tape({{11, in}, {out, width * in}, {out}}, [&](Tape<double>& tape, Leaf leaf) {
      return Variables{linear(tape, {time_windows<double>(tape, offsets, leaf[0], width, left)}, leaf[1], leaf[2])};
    });
  }
}

TEST_CASE("a causal window sees nothing of what comes later, and a segment nothing of another") {
  Bench b;
  const Index offsets{0, 3, 6};
  const Variable<double> x = b.of({6, 1});
  for (int t = 0; t < 6; ++t) x.data()[t] = t + 1;
  const Variable<double> y = time_windows<double>(b.tape, offsets, x, 3, 2);
  CHECK(std::vector<double>(y.data(), y.data() + 18) ==
        std::vector<double>{0, 0, 1, 0, 1, 2, 1, 2, 3, 0, 0, 4, 0, 4, 5, 4, 5, 6});
}

TEST_CASE("time_windows refuses offsets, rows and widths that do not fit") {
  Bench b;
  const Index fine{0, 2, 2, 3}, late{1, 3}, falling{0, 2, 1, 3}, none;
  const auto run = [&](const Index& offsets, Shape x, int width, int left) {
    return time_windows<double>(b.tape, offsets, b.of(x), width, left);
  };
  CHECK_NOTHROW(run(fine, {3, 2}, 3, 1));
  CHECK_NOTHROW(run({0}, {0, 2}, 3, 1));
  CHECK_THROWS_WITH(run(none, {3, 2}, 3, 1), Contains("time_windows: offsets has 0 entries"));
  CHECK_THROWS_WITH(run(late, {3, 2}, 3, 1), Contains("starts with 1"));
  CHECK_THROWS_WITH(run(falling, {3, 2}, 3, 1), Contains("segment 1 goes from row 2 to 1"));
  CHECK_THROWS_WITH(run(fine, {4, 2}, 3, 1), Contains("x is [4, 2], wanted [3, columns]"));
  CHECK_THROWS_WITH(run(fine, {3}, 3, 1), Contains("x is [3]"));
  CHECK_THROWS_WITH(run(fine, {3, 2}, 0, 0), Contains("width is 0 and left 0"));
  CHECK_THROWS_WITH(run(fine, {3, 2}, 3, 3), Contains("width is 3 and left 3"));
  CHECK_THROWS_WITH(run(fine, {3, 2}, 3, -1), Contains("left -1"));
  CHECK_THROWS_WITH(time_windows<double>(b.tape, fine, Variable<double>{}, 3, 1), Contains("x is absent"));
}

TEST_CASE("mutant: time_windows whose gradient comes from the row itself alone") {
  const auto report =
      check_damaged("time_windows", "to both sides", [](Gradients& g, const BackwardCall<double>& call) {
        for (std::size_t k = 0; k < g[0].size(); ++k) g[0][k] = call.cotangents[0][k / 3 * 9 + 3 + k % 3];
      });
  require_verdict(report, "x", Verdict::wrong_gradient);
}

TEST_CASE("mutant: time_windows that gives a gradient back across the end of a segment") {
  // Segments of 4, 1 and 2 rows, 3 columns, width 3, left 1: block 2 of row 3 held zeros, not row 4.
  const auto report =
      check_damaged("time_windows", "to both sides", [](Gradients& g, const BackwardCall<double>& call) {
        for (std::size_t c = 0; c < 3 && !g[0].empty(); ++c) g[0][4 * 3 + c] += call.cotangents[0][3 * 9 + 6 + c];
      });
  require_verdict(report, "x", Verdict::wrong_gradient);
}

TEST_CASE("mutant: a causal window's gradient given to the wrong side") {
  const auto report = check_damaged("time_windows", "causal", [](Gradients& g, const BackwardCall<double>& call) {
    // As of left = 0 in the first segment of 4 rows: x[t] is in block o of row t − o.
    for (std::size_t t = 0; t < 4 && !g[0].empty(); ++t)
      for (std::size_t c = 0; c < 3; ++c) {
        g[0][t * 3 + c] = 0;
        for (std::size_t o = 0; o < 3 && o <= t; ++o) g[0][t * 3 + c] += call.cotangents[0][(t - o) * 9 + o * 3 + c];
      }
  });
  require_verdict(report, "x", Verdict::wrong_gradient);
}
