// What does not fit is refused at the door, and the message says what was called, what came and what was wanted.

#include "autograd/functions/attention_pooling_function.h"
#include "autograd/functions/coverage_attention_function.h"
#include "autograd/functions/embedding_function.h"
#include "autograd/functions/emotion_gate_function.h"
#include "autograd/functions/gather_rows_function.h"
#include "autograd/functions/gather_stacked_rows_function.h"
#include "autograd/functions/gru_sequence_function.h"
#include "autograd/functions/history_attention_function.h"
#include "autograd/functions/linear_function.h"

#include <catch2/catch.hpp>

#include <functional>

using namespace ethreed;
using Catch::Contains;

namespace {

using Index = std::vector<std::int32_t>;

struct Door {
  Runtime runtime;
  Context context = runtime.context();
  Tape<double> tape{context};
  Variable<double> of(Shape shape) { return tape.result(shape, true); }
};

}  // namespace

TEST_CASE("linear refuses shapes that do not fit") {
  Door d;
  CHECK_THROWS_WITH(linear(d.tape, {d.of({3, 2})}, d.of({4, 5}), {}),
                    Contains("linear") && Contains("[4, 5]") && Contains("2 columns"));
  CHECK_THROWS_WITH(linear(d.tape, {d.of({3, 2}), d.of({2, 3})}, d.of({4, 5}), {}), Contains("input 1 has 2 rows"));
  CHECK_THROWS_WITH(linear(d.tape, {d.of({3, 2})}, d.of({4, 2}), d.of({3})), Contains("bias is [3], wanted [4]"));
  CHECK_THROWS_WITH(linear(d.tape, {}, d.of({4, 2}), {}), Contains("got 0 inputs"));
  const auto onto = [&](Tape<double>& tape, Shape shape, Activation activation) {
    return linear(tape, {d.of({3, 2})}, d.of({4, 2}), {}, activation, d.of(shape));
  };
  Tape<double> forward(d.context, false);
  CHECK_THROWS_WITH(onto(forward, {3, 5}, Activation::none), Contains("added to [3, 5], wanted [3, 4]"));
  CHECK_THROWS_WITH(onto(forward, {3, 4}, Activation::tanh), Contains("without an activation"));
  CHECK_THROWS_WITH(onto(d.tape, {3, 4}, Activation::none), Contains("nothing is recorded"));
}

TEST_CASE("gru_sequence refuses packings and shapes that do not fit") {
  Door d;
  const Index good{0, 2, 3}, growing{0, 1, 3};
  const auto lane = [&](Shape gates, Shape weight, Shape bias) {
    return GruLane<double>{.input_gates = d.of(gates), .weight_hh = d.of(weight), .bias_hh = d.of(bias)};
  };
  const auto run = [&](const Index& offsets, const GruLane<double>& l) {
    return gru_sequence<double>(d.tape, Packing{offsets}, l);
  };
  CHECK_NOTHROW(run(good, lane({3, 6}, {6, 2}, {6})));
  CHECK_THROWS_WITH(run(growing, lane({3, 6}, {6, 2}, {6})), Contains("packing grows"));
  CHECK_THROWS_WITH(run(good, lane({3, 5}, {6, 2}, {6})), Contains("input_gates") && Contains("wanted [3, 6]"));
  CHECK_THROWS_WITH(run(good, lane({3, 6}, {5, 2}, {6})), Contains("weight_hh") && Contains("[5, 2]"));
  CHECK_THROWS_WITH(run(good, lane({3, 6}, {6, 2}, {2})), Contains("bias_hh") && Contains("wanted [6]"));
  CHECK_THROWS_WITH(run(good, {}), Contains("lacks"));
}

TEST_CASE("gru_sequence refuses input rows that are not there, too few of them, and other gates than inputs") {
  Door d;
  const Index offsets{0, 2, 3}, fine{1, 0, 1}, few{0, 1}, high{0, 2, 1}, low{0, -1, 1};
  const auto run = [&](const Index& rows, int inputs) {
    const GruLane<double> lane{.input_gates = d.of({inputs, 6}), .weight_hh = d.of({6, 2}), .bias_hh = d.of({6})};
    return gru_sequence<double>(d.tape, Packing{offsets}, lane, rows);
  };
  CHECK_NOTHROW(run(fine, 2));
  CHECK_THROWS_WITH(run(few, 2), Contains("2 input_rows, wanted 3"));
  CHECK_THROWS_WITH(run(high, 2), Contains("row 1 reads input 2 of 2"));
  CHECK_THROWS_WITH(run(low, 2), Contains("row 1 reads input -1 of 2"));
  const std::array lanes{GruLane<double>{d.of({2, 6}), d.of({6, 2}), d.of({6})},
                         GruLane<double>{d.of({3, 6}), d.of({6, 2}), d.of({6})}};
  CHECK_THROWS_WITH(gru_sequence<double>(d.tape, Packing{offsets}, lanes, fine),
                    Contains("input_gates of lane 1") && Contains("wanted [2, 6]"));
}

TEST_CASE("gather_rows, gather_stacked_rows and embedding refuse an index out of range") {
  Door d;
  const Index high{0, 4}, low{-2}, absent{-1}, fine{1, 0};
  CHECK_NOTHROW(gather_rows<double>(d.tape, {{d.of({4, 2}), absent}}));
  CHECK_THROWS_WITH(gather_rows<double>(d.tape, {{d.of({4, 2}), high}}),
                    Contains("index 1 of part 0 is 4, wanted 0 to 3"));
  CHECK_THROWS_WITH(gather_rows<double>(d.tape, {{d.of({4, 2}), low}}), Contains("is -2"));
  CHECK_THROWS_WITH(gather_rows<double>(d.tape, {{d.of({4, 2}), fine}, {d.of({4, 2}), low}}),
                    Contains("part 1 has 1 indices, the first one has 2"));
  CHECK_THROWS_WITH(gather_stacked_rows<double>(d.tape, d.of({2, 2}), d.of({2, 2}), high), Contains("index 4"));
  CHECK_THROWS_WITH(gather_stacked_rows<double>(d.tape, d.of({2, 2}), d.of({2, 3}), fine), Contains("same columns"));
  CHECK_THROWS_WITH(embedding<double>(d.tape, d.of({4, 2}), high), Contains("id 4 at position 1") && Contains("UNK"));
  CHECK_THROWS_WITH(embedding<double>(d.tape, d.of({4, 2}), absent), Contains("id -1"));
}

TEST_CASE("the attentions and the emotion gate refuse layouts and shapes that do not fit") {
  Door d;
  const Index sources{0, 3}, targets{0, 2}, falling{0, 2, 1}, steps{0, 2, 3};
  const std::vector<std::int64_t> weights{0, 6}, short_weights{0, 5};
  const auto one = d.of({1});
  const auto attend = [&](const std::vector<std::int64_t>& w, Shape query, Shape keys, Shape values) {
    return coverage_attention(d.tape, RowLayout{sources, targets, w}, d.of(query), d.of(keys), d.of(values), one, one);
  };
  CHECK_NOTHROW(attend(weights, {2, 4}, {3, 4}, {3, 5}));
  CHECK_THROWS_WITH(attend(short_weights, {2, 4}, {3, 4}, {3, 5}),
                    Contains("coverage_attention") && Contains("5 elements"));
  CHECK_THROWS_WITH(attend(weights, {1, 4}, {3, 4}, {3, 5}), Contains("query is [1, 4]"));
  CHECK_THROWS_WITH(attend(weights, {2, 4}, {3, 3}, {3, 5}), Contains("keys is [3, 3], wanted [3, 4]"));
  CHECK_THROWS_WITH(attend(weights, {2, 4}, {3, 4}, {2, 5}), Contains("values is [2, 5]"));

  CHECK_THROWS_WITH(history_attention(d.tape, Packing{steps}, d.of({3, 2}), d.of({3, 4}), d.of({3, 2})),
                    Contains("history_attention") && Contains("[3, 4]"));
  CHECK_THROWS_WITH(history_attention(d.tape, Packing{steps}, d.of({2, 2}), d.of({2, 2}), d.of({2, 2})),
                    Contains("the packing has 3 rows"));

  CHECK_THROWS_WITH(emotion_gate<double>(d.tape, falling, d.of({1, 2}), d.of({2, 2}), d.of({2, 3}), one),
                    Contains("emotion_gate") && Contains("decrease"));
  CHECK_THROWS_WITH(emotion_gate<double>(d.tape, targets, d.of({2, 2}), d.of({1, 3}), d.of({1, 3}), one),
                    Contains("key is [1, 3], wanted [1, 2]"));
  CHECK_THROWS_WITH(emotion_gate<double>(d.tape, targets, d.of({2, 2}), d.of({1, 2}), d.of({1, 3}), d.of({2})),
                    Contains("bias is [2], wanted [1]"));
}

TEST_CASE("attention_pooling refuses empty segments, rows that are not there and shapes that do not fit") {
  Door d;
  const Index fine{0, 2, 3}, late{1, 3}, empty_segment{0, 2, 2}, falling{0, 2, 1}, no_offsets{}, nothing{0};
  const Index rows{3, 0, 3}, few{1, 0}, high{0, 4, 1}, low{0, 1, -1};
  const auto pool = [&](const Index& offsets, Shape scores, Shape x, const Index& from) {
    return attention_pooling<double>(d.tape, offsets, d.of(scores), d.of(x), from);
  };
  CHECK_NOTHROW(pool(fine, {3, 1}, {4, 2}, rows));
  CHECK_NOTHROW(pool(fine, {3}, {3, 2}, {}));
  CHECK(pool(nothing, {0, 1}, {4, 2}, {}).y.rows() == 0);
  CHECK_THROWS_WITH(pool(no_offsets, {3, 1}, {3, 2}, {}), Contains("attention_pooling: offsets has 0 entries"));
  CHECK_THROWS_WITH(pool(late, {3, 1}, {3, 2}, {}), Contains("starts with 1, wanted") && Contains("0"));
  CHECK_THROWS_WITH(pool(empty_segment, {2, 1}, {2, 2}, {}), Contains("segment 1 goes from entry 2 to 2"));
  CHECK_THROWS_WITH(pool(falling, {1, 1}, {1, 2}, {}), Contains("segment 1 goes from entry 2 to 1"));
  CHECK_THROWS_WITH(pool(fine, {2, 1}, {3, 2}, {}), Contains("scores is [2, 1], wanted [3, 1]"));
  CHECK_THROWS_WITH(pool(fine, {3, 1}, {4, 2}, {}), Contains("x is [4, 2]") && Contains("without rows"));
  CHECK_THROWS_WITH(pool(fine, {3, 1}, {4, 2}, few), Contains("rows has 2 entries, offsets end with 3"));
  CHECK_THROWS_WITH(pool(fine, {3, 1}, {4, 2}, high), Contains("entry 1 reads row 4 of x, which is [4, 2]"));
  CHECK_THROWS_WITH(pool(fine, {3, 1}, {4, 2}, low), Contains("entry 2 reads row -1"));
  CHECK_THROWS_WITH(attention_pooling<double>(d.tape, fine, d.of({3, 1}), {}), Contains("x must be there"));
  const auto one_column = d.of({3, 1});
  CHECK_THROWS_WITH(attention_pooling<double>(d.tape, fine, one_column, one_column), Contains("share numbers"));
}
