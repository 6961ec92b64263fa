#include "autograd/functions/attention_function.h"

#include <array>
#include <cmath>

namespace ethreed {

namespace {

constexpr const char* who = "attention";

void check_offsets(const char* what, Indices offsets) {
  ETHREED_CHECK(!offsets.empty() && offsets[0] == 0,
                "{}: {} has {} entries and starts with {}, wanted segments + 1 that start with 0", who, what,
                offsets.size(), offsets.empty() ? 0 : offsets[0]);
  for (int s = 0; s + 1 < offsets.size(); ++s)
    ETHREED_CHECK(offsets[s + 1] >= offsets[s], "{}: {} goes from {} to {} at segment {}; it must not decrease", who,
                  what, offsets[s], offsets[s + 1], s);
}

void check_settings(const AttentionSettings& settings) {
  ETHREED_CHECK(settings.heads >= 1 && settings.key_width >= 1 && settings.value_width >= 1,
                "{}: {} heads, key_width {} and value_width {}, wanted at least 1 of each", who, settings.heads,
                settings.key_width, settings.value_width);
  ETHREED_CHECK(std::isfinite(settings.scale), "{}: scale is {}, wanted a finite number; 1/sqrt(key_width) is usual",
                who, settings.scale);
  ETHREED_CHECK(settings.dropout >= 0 && settings.dropout < 1, "{}: dropout is {}, wanted 0 <= dropout < 1", who,
                settings.dropout);
  check_offsets("query_offsets", settings.query_offsets);
  check_offsets("key_offsets", settings.key_offsets);
  const Indices queries = settings.query_offsets, keys = settings.key_offsets;
  ETHREED_CHECK(queries.size() == keys.size(), "{}: query_offsets has {} entries, key_offsets {}; they must agree", who,
                queries.size(), keys.size());
  for (int s = 0; s + 1 < queries.size(); ++s) {
    const int i = queries[s + 1] - queries[s], j = keys[s + 1] - keys[s];
    ETHREED_CHECK(i == 0 || j > 0, "{}: segment {} has {} queries and no keys; at least one is needed to attend to",
                  who, s, i);
    ETHREED_CHECK(!settings.causal || i == j,
                  "{}: segment {} has {} queries and {} keys; causal, it needs as many of both", who, s, i, j);
  }
}

template <class T>
void check_input(const char* what, const ColumnsOf<T>& input, int rows, const AttentionSettings& settings, int width) {
  ETHREED_CHECK(input.matrix, "{}: {} must be there", who, what);
  ETHREED_CHECK(input.matrix.rows() == rows, "{}: {} is {}, wanted {} rows as the offsets say", who, what,
                input.matrix.shape().text(), rows);
  ETHREED_CHECK(
      input.first >= 0 && std::int64_t{input.first} + std::int64_t{settings.heads} * width <= input.matrix.columns(),
      "{}: {} is {}, of which columns {} to {} are wanted, {} heads of {}", who, what, input.matrix.shape().text(),
      input.first, input.first + std::int64_t{settings.heads} * width - 1, settings.heads, width);
}

/// One of query, keys and values.
template <class T> struct Input {
  const char* name;
  ColumnsOf<T> columns;
  int width;  ///< of all heads

  T* data() const { return columns.matrix.data() + columns.first; }
  int stride() const { return columns.matrix.columns(); }
  const T* end() const { return data() + std::int64_t{columns.matrix.rows() - 1} * stride() + width; }
  bool same_matrix(const Input& other) const { return columns.matrix.node() == other.columns.matrix.node(); }
};
template <class T> using Inputs = std::array<Input<T>, 3>;

template <class T> bool share_numbers(const Input<T>& a, const Input<T>& b) {
  if (a.columns.matrix.rows() == 0 || b.columns.matrix.rows() == 0) return false;
  if (a.end() <= b.data() || b.end() <= a.data()) return false;
  if (a.stride() != b.stride()) return true;
  const std::int64_t stride = a.stride(), shift = ((b.data() - a.data()) % stride + stride) % stride;
  return shift < a.width || shift + b.width > stride;
}

/// The kernel writes the three gradients at once.
template <class T> void check_apart(const Inputs<T>& inputs) {
  for (std::size_t a = 0; a < 3; ++a)
    for (std::size_t b = a + 1; b < 3; ++b)
      ETHREED_CHECK(!inputs[a].columns.matrix.wants_gradient() || !inputs[b].columns.matrix.wants_gradient() ||
                        !share_numbers(inputs[a], inputs[b]),
                    "{}: {} and {} share numbers of a matrix that wants a gradient; compute both from it (linear)", who,
                    inputs[a].name, inputs[b].name);
}

/// Where the three gradients go. A matrix of several inputs is asked for once; of which the inputs are not all columns
/// is cleared first.
template <class T> std::array<GradientSink<T>, 3> sinks_of(Tape<T>& tape, const Inputs<T>& inputs) {
  std::array<GradientSink<T>, 3> whole, sinks;
  for (std::size_t a = 0; a < 3; ++a) {
    const Variable<T> matrix = inputs[a].columns.matrix;
    if (!matrix.wants_gradient()) continue;
    std::size_t first = 0;
    while (!inputs[first].same_matrix(inputs[a])) ++first;
    if (first == a) {
      whole[a] = tape.sink(matrix);
      int columns = 0;
      for (const Input<T>& other : inputs) columns += other.same_matrix(inputs[a]) ? other.width : 0;
      if (!whole[a].accumulate && columns < matrix.columns()) {
        tape.context().clear(whole[a].data, matrix.value().count());
        whole[a].accumulate = true;
      }
    }
    sinks[a] = {whole[first].data + inputs[a].columns.first, whole[first].accumulate};
  }
  return sinks;
}

/// Where the pairs of each segment begin.
Span<const std::int64_t> pair_offsets(const Context& context, const AttentionSettings& settings) {
  const int count = settings.query_offsets.size();
  auto* offsets = context.arena.template allocate<std::int64_t>(count);
  offsets[0] = 0;
  for (int s = 0; s + 1 < count; ++s)
    offsets[s + 1] = offsets[s] + std::int64_t{settings.query_offsets[s + 1] - settings.query_offsets[s]} *
                                      (settings.key_offsets[s + 1] - settings.key_offsets[s]);
  return {offsets, count};
}

}  // namespace

template <class T>
Attention<T> attention(Tape<T>& tape, const AttentionSettings& settings, ColumnsOf<T> query, ColumnsOf<T> keys,
                       ColumnsOf<T> values, Variable<T> bias) {
  check_settings(settings);
  const int rows = settings.query_offsets.back();
  check_input("query", query, rows, settings, settings.key_width);
  check_input("keys", keys, settings.key_offsets.back(), settings, settings.key_width);
  check_input("values", values, settings.key_offsets.back(), settings, settings.value_width);
  const int d = settings.heads * settings.key_width, c = settings.heads * settings.value_width;
  const Inputs<T> inputs{{{"query", query, d}, {"keys", keys, d}, {"values", values, c}}};
  check_apart(inputs);

  const Context& context = tape.context();
  const bool logits_wanted = query.matrix.wants_gradient() || keys.matrix.wants_gradient() || bias.wants_gradient();
  Attention<T> result{.output = tape.result({rows, c}, logits_wanted || values.matrix.wants_gradient())};
  AttentionForward<T> args{.query_offsets = context.keep(settings.query_offsets),
                           .key_offsets = context.keep(settings.key_offsets),
                           .heads = settings.heads,
                           .key_width = settings.key_width,
                           .value_width = settings.value_width,
                           .scale = settings.scale,
                           .causal = settings.causal,
                           .mean_of = settings.mean_of,
                           .dropout = settings.dropout,
                           .random = settings.random,
                           .query = inputs[0].data(),
                           .query_stride = inputs[0].stride(),
                           .keys = inputs[1].data(),
                           .keys_stride = inputs[1].stride(),
                           .values = inputs[2].data(),
                           .values_stride = inputs[2].stride(),
                           .output = result.output.data(),
                           .output_stride = c,
                           .log_sum_exp = context.values.template allocate<T>(std::int64_t{rows} * settings.heads)};
  if (settings.mean_of != AttentionMean::none || bias) args.pair_offsets = pair_offsets(context, settings);
  if (bias) {
    const View<T>& value = bias.value();
    ETHREED_CHECK(value.rows() == args.pair_offsets.back() && value.columns() == settings.heads,
                  "{}: bias is {}, wanted [{}, {}], a row for each pair of a query and a key", who, value.shape.text(),
                  args.pair_offsets.back(), settings.heads);
    args.bias = bias.data();
  }
  if (settings.mean_of != AttentionMean::none) {
    result.mean = tape.result({args.pair_offsets.back()}, logits_wanted && settings.mean_of == AttentionMean::logits);
    args.mean = result.mean.data();
  }
  attention_forward(tape.context(), args);
  if (!result.output.wants_gradient()) return result;
  tape.record([=](Tape<T>& t) {
    const T* dmean = t.gradient(result.mean);
    if (dmean == nullptr && t.gradient(result.output) == nullptr) return;
    const auto sinks = sinks_of(t, inputs);
    attention_backward<T>(t.context(), {.forward = args,
                                        .doutput = t.gradient_or_zeros(result.output),
                                        .dmean = dmean,
                                        .dquery = sinks[0],
                                        .dkeys = sinks[1],
                                        .dvalues = sinks[2],
                                        .dbias = t.sink(bias)});
  });
  return result;
}

template Attention<float> attention(Tape<float>&, const AttentionSettings&, ColumnsOf<float>, ColumnsOf<float>,
                                    ColumnsOf<float>, Variable<float>);
template Attention<double> attention(Tape<double>&, const AttentionSettings&, ColumnsOf<double>, ColumnsOf<double>,
                                     ColumnsOf<double>, Variable<double>);

}  // namespace ethreed
