// Attention on the tape: its gradient, shared matrices, what it refuses, and wrong backwards.

#include "autograd/functions/attention_function.h"
#include "autograd/functions/elementwise_function.h"
#include "autograd/functions/linear_function.h"
#include "tests/autograd/function_checks.h"

#include <algorithm>
#include <limits>

using namespace ethreed;
using namespace ethreed::test;
using Catch::Contains;

namespace {

const Index three_and_two{0, 3, 5}, two_and_four{0, 2, 6};

AttentionSettings settings_of(const Index& queries, const Index& keys) {
  return {.query_offsets = queries, .key_offsets = keys, .heads = 2, .key_width = 2, .value_width = 3, .scale = 0.7};
}

}  // namespace

TEST_CASE("attention on the tape, self, causal and cross, has the gradient of its value") {
  for (const bool causal : {false, true})
    check_on_tape({{5, 4}, {5, 4}, {5, 6}}, [causal](Tape<double>& tape, Leaf leaf) {
      AttentionSettings settings = settings_of(three_and_two, three_and_two);
      settings.causal = causal;
      return Variables{attention<double>(tape, settings, {leaf[0]}, {leaf[1]}, {leaf[2]}).output};
    });
  check_on_tape({{5, 4}, {6, 4}, {6, 6}}, [](Tape<double>& tape, Leaf leaf) {
    AttentionSettings settings = settings_of(three_and_two, two_and_four);
    settings.dropout = 0.3;
    settings.random = {5, 6};
    return Variables{attention<double>(tape, settings, {leaf[0]}, {leaf[1]}, {leaf[2]}).output};
  });
}

TEST_CASE("attention on the tape, its mean logits and both of its values, has the gradient of its value") {
  for (const bool both : {false, true})
    check_on_tape({{5, 4}, {6, 4}, {6, 6}}, [both](Tape<double>& tape, Leaf leaf) {
      AttentionSettings settings = settings_of(three_and_two, two_and_four);
      settings.mean_of = AttentionMean::logits;
      const auto result = attention<double>(tape, settings, {leaf[0]}, {leaf[1]}, {leaf[2]});
      // Used twice: the copy distribution is made of it.
      const Variable<double> mean = multiply(tape, result.mean, result.mean);
      return both ? Variables{result.output, mean} : Variables{mean};
    });
}

TEST_CASE("attention on the tape within one fused product has the gradient of its value") {
  check_on_tape({{5, 14}}, [](Tape<double>& tape, Leaf leaf) {
    const AttentionSettings settings = settings_of(three_and_two, three_and_two);
    return Variables{attention<double>(tape, settings, {leaf[0]}, {leaf[0], 4}, {leaf[0], 8}).output};
  });
  check_on_tape({{5, 3}, {14, 3}}, [](Tape<double>& tape, Leaf leaf) {
    const AttentionSettings settings = settings_of(three_and_two, three_and_two);
    const Variable<double> product = linear(tape, {leaf[0]}, leaf[1], {});
    // The product is used by another function as well, before and after.
    const Variable<double> before = tanh(tape, product);
    const auto result = attention<double>(tape, settings, {product}, {product, 4}, {product, 8});
    return Variables{before, result.output, tanh(tape, product)};
  });
}

TEST_CASE("attention on the tape with a bias for each pair has the gradient of its value") {
  for (const bool causal : {false, true})
    check_on_tape({{5, 14}, {13, 2}}, [causal](Tape<double>& tape, Leaf leaf) {
      AttentionSettings settings = settings_of(three_and_two, three_and_two);
      settings.causal = causal;
      const auto result = attention<double>(tape, settings, {leaf[0]}, {leaf[0], 4}, {leaf[0], 8}, leaf[1]);
      // One table for several layers.
      const auto again = attention<double>(tape, settings, {result.output}, {leaf[0], 4}, {leaf[0], 8}, leaf[1]);
      return Variables{again.output};
    });
  check_on_tape({{14, 2}}, [](Tape<double>& tape, Leaf leaf) {  // of which alone a gradient is wanted
    AttentionSettings settings = settings_of(three_and_two, two_and_four);
    settings.mean_of = AttentionMean::logits;
    const auto numbers = [&](int rows, int columns) {
      double* x = tape.context().arena.allocate<double>(std::int64_t{rows} * columns);
      for (int i = 0; i < rows * columns; ++i) x[i] = 0.1 * ((7 * i) % 11) - 0.5;
      return tape.constant(View<const double>(x, {rows, columns}));
    };
    const auto result = attention<double>(tape, settings, {numbers(5, 4)}, {numbers(6, 4)}, {numbers(6, 6)}, leaf[0]);
    return Variables{result.output, result.mean};
  });
}

TEST_CASE("columns of a matrix that attention does not read get gradient zero, not what the memory held") {
  // Two columns more than the three inputs have, before, between and behind them.
  check_on_tape({{5, 17}}, [](Tape<double>& tape, Leaf leaf) {
    const AttentionSettings settings = settings_of(three_and_two, three_and_two);
    return Variables{attention<double>(tape, settings, {leaf[0], 1}, {leaf[0], 12}, {leaf[0], 5}).output};
  });
  check_on_tape({{5, 4}, {6, 11}}, [](Tape<double>& tape, Leaf leaf) {
    const AttentionSettings settings = settings_of(three_and_two, two_and_four);
    return Variables{attention<double>(tape, settings, {leaf[0]}, {leaf[1], 7}, {leaf[1], 1}).output};
  });
}

TEST_CASE("queries and keys that are rows of one matrix get gradients of their own") {
  check_on_tape({{11, 4}, {6, 6}}, [](Tape<double>& tape, Leaf leaf) {
    const AttentionSettings settings = settings_of(three_and_two, two_and_four);
    const Variable<double> query = tape.rows(leaf[0], 0, 5), keys = tape.rows(leaf[0], 5, 6);
    return Variables{attention<double>(tape, settings, {query}, {keys}, {leaf[1]}).output};
  });
}

TEST_CASE("attention: only what depends on something learned wants a gradient, and weights want none") {
  Bench bench;
  const Variable<double> learned = bench.of({5, 6}), fixed = bench.tape.result({5, 6}, false);
  bench.context.clear(fixed.data(), 30);
  AttentionSettings settings = settings_of(three_and_two, three_and_two);
  settings.mean_of = AttentionMean::logits;
  const auto by_values = attention<double>(bench.tape, settings, {fixed}, {fixed, 2}, {learned});
  CHECK(by_values.output.wants_gradient());
  CHECK_FALSE(by_values.mean.wants_gradient());
  CHECK(attention<double>(bench.tape, settings, {learned}, {fixed}, {fixed}).mean.wants_gradient());
  settings.mean_of = AttentionMean::weights;
  const auto of_weights = attention<double>(bench.tape, settings, {learned}, {fixed}, {fixed});
  CHECK(of_weights.output.wants_gradient());
  CHECK_FALSE(of_weights.mean.wants_gradient());
  settings.mean_of = AttentionMean::none;
  const auto nothing = attention<double>(bench.tape, settings, {fixed}, {fixed}, {fixed});
  CHECK_FALSE(nothing.output.wants_gradient());
  CHECK_FALSE(nothing.mean);
}

TEST_CASE("attention refuses offsets, settings and shapes that do not fit") {
  Bench bench;
  const auto attend = [&](const AttentionSettings& settings, Shape query, Shape keys, Shape values) {
    return attention<double>(bench.tape, settings, {bench.of(query)}, {bench.of(keys)}, {bench.of(values)});
  };
  const auto refuses = [&](auto change, const char* what) {
    AttentionSettings settings = settings_of(three_and_two, two_and_four);
    change(settings);
    CHECK_THROWS_WITH(attend(settings, {5, 4}, {6, 4}, {6, 6}), Contains("attention: ") && Contains(what));
  };
  const Index none{}, late{1, 3, 5}, falling{0, 3, 2}, short_one{0, 6}, empty_key{0, 0, 6}, empty_query{0, 0, 5};
  CHECK_NOTHROW(attend(settings_of(three_and_two, two_and_four), {5, 4}, {6, 4}, {6, 6}));
  CHECK_NOTHROW(attend(settings_of(empty_query, empty_key), {5, 4}, {6, 4}, {6, 6}));
  refuses([&](AttentionSettings& s) { s.query_offsets = none; }, "query_offsets has 0 entries");
  refuses([&](AttentionSettings& s) { s.query_offsets = late; }, "starts with 1, wanted segments + 1");
  refuses([&](AttentionSettings& s) { s.key_offsets = falling; }, "key_offsets goes from 3 to 2 at segment 1");
  refuses([&](AttentionSettings& s) { s.key_offsets = short_one; }, "query_offsets has 3 entries, key_offsets 2");
  refuses([&](AttentionSettings& s) { s.key_offsets = empty_key; }, "segment 0 has 3 queries and no keys");
  refuses([](AttentionSettings& s) { s.causal = true; }, "segment 0 has 3 queries and 2 keys; causal");
  refuses([](AttentionSettings& s) { s.heads = 0; }, "0 heads");
  refuses([](AttentionSettings& s) { s.key_width = 0; }, "key_width 0");
  refuses([](AttentionSettings& s) { s.scale = std::numeric_limits<double>::infinity(); }, "scale is inf");
  refuses([](AttentionSettings& s) { s.dropout = 1; }, "dropout is 1, wanted 0 <= dropout < 1");
  refuses([](AttentionSettings& s) { s.dropout = std::numeric_limits<double>::quiet_NaN(); }, "dropout is nan");

  const AttentionSettings fine = settings_of(three_and_two, two_and_four);
  CHECK_THROWS_WITH(attend(fine, {4, 4}, {6, 4}, {6, 6}), Contains("query is [4, 4], wanted 5 rows"));
  CHECK_THROWS_WITH(attend(fine, {5, 4}, {5, 4}, {6, 6}), Contains("keys is [5, 4], wanted 6 rows"));
  CHECK_THROWS_WITH(attend(fine, {5, 4}, {6, 3}, {6, 6}), Contains("keys is [6, 3]") && Contains("2 heads of 2"));
  CHECK_THROWS_WITH(attend(fine, {5, 4}, {6, 4}, {6, 5}), Contains("values is [6, 5]") && Contains("columns 0 to 5"));
  const Variable<double> query = bench.of({5, 4}), keys = bench.of({6, 4}), values = bench.of({6, 6});
  CHECK_THROWS_WITH(attention<double>(bench.tape, fine, {query}, {keys}, {}), Contains("values must be there"));
  CHECK_THROWS_WITH(attention<double>(bench.tape, fine, {query}, {keys, 1}, {values}), Contains("columns 1 to 4"));
  CHECK_THROWS_WITH(attention<double>(bench.tape, fine, {query}, {keys, -1}, {values}), Contains("columns -1 to 2"));
  for (const Shape& wrong : {Shape{13, 2}, Shape{14, 1}})
    CHECK_THROWS_WITH(attention<double>(bench.tape, fine, {query}, {keys}, {values}, bench.of(wrong)),
                      Contains("bias is " + wrong.text() + ", wanted [14, 2]"));
}

TEST_CASE("attention refuses inputs that share numbers where a gradient is wanted") {
  Bench bench;
  const Variable<double> matrix = bench.of({5, 14});
  const AttentionSettings settings = settings_of(three_and_two, three_and_two);
  const auto attend = [&](Variable<double> of, int query, int keys, int values) {
    return attention<double>(bench.tape, settings, {of, query}, {of, keys}, {of, values});
  };
  CHECK_NOTHROW(attend(matrix, 0, 4, 8));
  CHECK_NOTHROW(attend(matrix, 10, 0, 4));
  CHECK_THROWS_WITH(attend(matrix, 0, 0, 8), Contains("attention: query and keys share numbers"));
  CHECK_THROWS_WITH(attend(matrix, 3, 4, 8), Contains("query and keys share numbers"));
  CHECK_THROWS_WITH(attend(matrix, 0, 5, 8), Contains("keys and values share numbers"));
  const Variable<double> constant = bench.tape.result({5, 14}, false);
  bench.context.clear(constant.data(), 70);
  CHECK_NOTHROW(attend(constant, 0, 0, 0));
}

// Inputs query, keys, values; outputs output, mean.

TEST_CASE("mutant: attention's query without the scale") {
  const auto report =
      check_damaged("attention", "self, segments of different lengths", [](Gradients& g, const BackwardCall<double>&) {
        for (double& value : g[0]) value *= std::sqrt(3.0);
      });
  require_verdict(report, "query", Verdict::wrong_gradient);
  require_verdict(report, "keys", Verdict::passed);
}

TEST_CASE("mutant: attention's softmax without the row's sum") {
  // Of one key the gradient by the logit is zero: without δ it is doutput·values.
  const auto report =
      check_damaged("attention", "one token, one head", [](Gradients& g, const BackwardCall<double>& call) {
        if (g[0].empty()) return;
        for (std::size_t c = 0; c < 3; ++c)
          for (std::size_t v = 0; v < 3; ++v)
            g[0][c] += call.cotangents[0][v] * call.honest.inputs[2].data[v] * call.honest.inputs[1].data[c];
      });
  require_verdict(report, "query", Verdict::wrong_gradient);
  require_verdict(report, "values", Verdict::passed);
}

TEST_CASE("mutant: attention's values with the gradient of other heads") {
  const auto report = check_damaged("attention", "causal", [](Gradients& g, const BackwardCall<double>&) {
    for (std::size_t k = 0; k + 6 <= g[2].size(); k += 6)
      for (std::size_t c = 0; c < 3; ++c) std::swap(g[2][k + c], g[2][k + 3 + c]);
  });
  require_verdict(report, "values", Verdict::wrong_gradient);
  require_verdict(report, "keys", Verdict::passed);
}
