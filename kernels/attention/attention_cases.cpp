#include "kernels/attention/attention.h"
#include "kernels/common/operation.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace ethreed {

namespace {

/// Queries and keys of every segment, and what is special about a case.
struct AttentionShape {
  std::vector<int> queries, keys;
  int heads = 2, key_width = 3, value_width = 3;
  bool causal = false;
  AttentionMean mean_of = AttentionMean::none;
  double dropout = 0;
  double spread = 1;    ///< of the logits
  bool fused = false;   ///< query, keys and values are columns of one matrix
  int output_more = 0;  ///< columns of the output beyond those of the heads
  bool bias = false;    ///< the last input
};

template <class Number> std::vector<Number> offsets_of(const std::vector<Number>& counts) {
  std::vector<Number> offsets{0};
  for (const Number count : counts) offsets.push_back(offsets.back() + count);
  return offsets;
}

std::vector<std::int64_t> pairs_of(const AttentionShape& shape) {
  std::vector<std::int64_t> pairs;
  for (std::size_t s = 0; s < shape.queries.size(); ++s)
    pairs.push_back(std::int64_t{shape.queries[s]} * shape.keys[s]);
  return pairs;
}

template <class T> class AttentionProblem final : public OpProblem<T> {
 public:
  AttentionProblem(const AttentionShape& shape, std::uint64_t seed)
      : shape_(shape),
        query_offsets_(offsets_of(shape.queries)),
        key_offsets_(offsets_of(shape.keys)),
        pair_offsets_(offsets_of(pairs_of(shape))),
        random_(seed, 77) {
    const int d = shape.heads * shape.key_width, c = shape.heads * shape.value_width;
    const double size = std::sqrt(shape.spread);  // of a number of query and of keys: a logit is a sum of D products
    if (shape.fused) {
      this->inputs.push_back({"query, keys, values", random_tensor<T>({rows(), 2 * d + c}, seed, 0, size)});
    } else {
      this->inputs.push_back({"query", random_tensor<T>({rows(), d}, seed, 0, size)});
      this->inputs.push_back({"keys", random_tensor<T>({key_offsets_.back(), d}, seed, 1, size)});
      this->inputs.push_back({"values", random_tensor<T>({key_offsets_.back(), c}, seed, 2)});
    }
    if (shape.bias)
      this->inputs.push_back({"bias", random_tensor<T>({pair_offsets_.back(), shape.heads}, seed, 3, shape.spread)});
    this->outputs.push_back({"output", Tensor<T>({rows(), c + shape.output_more})});
    if (shape.mean_of != AttentionMean::none)
      this->outputs.push_back({"mean", Tensor<T>({pair_offsets_.back()}), shape.mean_of == AttentionMean::logits});
    log_sum_exp_ = Tensor<T>({rows(), shape.heads});
  }

  void move_to(MemorySource& memory) override {
    OpProblem<T>::move_to(memory);
    log_sum_exp_ = log_sum_exp_.clone(memory);
  }

  void forward(Context& context) override { attention_forward(context, arguments()); }

  void backward(Context& context, std::span<const T* const> cotangents,
                std::span<const GradientSink<T>> gradients) override {
    const int d = shape_.heads * shape_.key_width;
    AttentionBackward<T> back{.forward = arguments(), .doutput = cotangents[0]};
    if (shape_.mean_of == AttentionMean::logits) back.dmean = cotangents[1];
    back.dquery = gradients[0];
    if (!shape_.fused) {
      back.dkeys = gradients[1];
      back.dvalues = gradients[2];
    } else if (gradients[0]) {
      back.dkeys = {gradients[0].data + d, gradients[0].accumulate};
      back.dvalues = {gradients[0].data + 2 * d, gradients[0].accumulate};
    }
    if (shape_.bias) back.dbias = gradients.back();
    attention_backward(context, back);
  }

  std::vector<std::vector<double>> reference() const override {
    std::vector<std::vector<double>> out;
    for (const Operand<T>& output : this->outputs) out.emplace_back(output.data.count(), 0.0);
    for (std::size_t s = 0; s < shape_.queries.size(); ++s)
      for (int i = 0; i < shape_.queries[s]; ++i)
        for (int h = 0; h < shape_.heads; ++h) attend(s, i, h, out);
    return out;
  }

  Cost cost() const override {
    const double d = shape_.key_width, c = shape_.value_width, h = shape_.heads, q = rows(), k = key_offsets_.back();
    const auto all_pairs = static_cast<double>(pair_offsets_.back());
    double pairs = 0, keys_read = 0;
    for (std::size_t s = 0; s < shape_.queries.size(); ++s) {
      const double n = shape_.queries[s];
      pairs += shape_.causal ? n * (n + 1) / 2 : n * shape_.keys[s];
      keys_read += n > 0 ? shape_.keys[s] : 0;
    }
    const double biases = shape_.bias ? h : 0;  // for each pair
    const bool mean_logits = shape_.mean_of == AttentionMean::logits;
    const bool mean_weights = shape_.mean_of == AttentionMean::weights;
    const double offsets = 8.0 * (static_cast<double>(shape_.queries.size()) + 1);
    return {.forward_flops = h * (pairs * (2 * (d + c) + 4 + (mean_weights ? 2 * d : 0)) + q * c) + biases * pairs,
            .backward_flops = h * (pairs * (6 * d + 4 * c + 6) + 2 * q * c) + biases * pairs,
            .forward_bytes = (h * (q * (d + c + 1) + keys_read * (d + c)) +
                              (mean_logits || mean_weights ? all_pairs : 0) + biases * pairs) *
                                 sizeof(T) +
                             offsets,
            .backward_bytes = (h * (q * (2 * d + 2 * c + 1) + (k + keys_read) * (d + c)) + (mean_logits ? pairs : 0) +
                               biases * (pairs + all_pairs)) *
                                  sizeof(T) +
                              offsets,
            .saved_bytes = std::int64_t{rows()} * shape_.heads * static_cast<std::int64_t>(sizeof(T))};
  }
  std::int64_t saved_bytes() const override { return log_sum_exp_.count() * static_cast<std::int64_t>(sizeof(T)); }

 private:
  int rows() const { return query_offsets_.back(); }
  /// So that logits are of size `spread`.
  double scale() const { return 1.0 / std::sqrt(shape_.key_width); }

  AttentionForward<T> arguments() {
    const int d = shape_.heads * shape_.key_width, c = shape_.heads * shape_.value_width;
    const T* first = this->inputs[0].data.data();
    AttentionForward<T> f{.query_offsets = query_offsets_,
                          .key_offsets = key_offsets_,
                          .heads = shape_.heads,
                          .key_width = shape_.key_width,
                          .value_width = shape_.value_width,
                          .scale = scale(),
                          .causal = shape_.causal,
                          .mean_of = shape_.mean_of,
                          .dropout = shape_.dropout,
                          .random = random_,
                          .query = first,
                          .query_stride = shape_.fused ? 2 * d + c : d,
                          .keys = shape_.fused ? first + d : this->inputs[1].data.data(),
                          .keys_stride = shape_.fused ? 2 * d + c : d,
                          .values = shape_.fused ? first + 2 * d : this->inputs[2].data.data(),
                          .values_stride = shape_.fused ? 2 * d + c : c,
                          .output = this->outputs[0].data.data(),
                          .output_stride = c + shape_.output_more,
                          .log_sum_exp = log_sum_exp_.data()};
    if (shape_.mean_of != AttentionMean::none || shape_.bias) f.pair_offsets = pair_offsets_;
    if (shape_.bias) f.bias = this->inputs.back().data.data();
    if (shape_.mean_of == AttentionMean::none) return f;
    f.mean = this->outputs[1].data.data();
    return f;
  }

  /// Element c of head h of the query, the keys or the values (0, 1, 2) in a row.
  double at(int which, std::int64_t row, int h, int c) const {
    const int width = which == 2 ? shape_.value_width : shape_.key_width;
    const std::int64_t column = std::int64_t{h} * width + c;
    if (!shape_.fused) return static_cast<double>(this->inputs[which].data[row * shape_.heads * width + column]);
    const std::int64_t d = std::int64_t{shape_.heads} * shape_.key_width;
    return static_cast<double>(this->inputs[0].data[row * this->inputs[0].data.columns() + which * d + column]);
  }

  /// One query in one head, by the equations.
  void attend(std::size_t s, int i, int h, std::vector<std::vector<double>>& out) const {
    const std::int64_t query = query_offsets_[s] + i, key = key_offsets_[s];
    const int keys = shape_.causal ? i + 1 : shape_.keys[s];
    std::vector<double> weights;
    for (int j = 0; j < keys; ++j) {
      double dot = 0;
      for (int c = 0; c < shape_.key_width; ++c) dot += at(0, query, h, c) * at(1, key + j, h, c);
      const std::int64_t pair = pair_offsets_[s] + std::int64_t{i} * shape_.keys[s] + j;
      const double bias = shape_.bias ? static_cast<double>(this->inputs.back().data[pair * shape_.heads + h]) : 0;
      weights.push_back(scale() * dot + bias);
    }
    const auto add_to_mean = [&](AttentionMean what) {
      for (int j = 0; j < keys && shape_.mean_of == what; ++j)
        out[1][pair_offsets_[s] + std::int64_t{i} * shape_.keys[s] + j] += weights[j] / shape_.heads;
    };
    add_to_mean(AttentionMean::logits);
    const double high = *std::max_element(weights.begin(), weights.end());
    for (double& weight : weights) weight = std::exp(weight - high);
    const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
    for (double& weight : weights) weight /= sum;
    add_to_mean(AttentionMean::weights);
    for (int j = 0; j < keys; ++j) {
      const auto place = static_cast<std::uint64_t>(query * shape_.heads + h) * 0x100000000U + static_cast<unsigned>(j);
      if (random_.uniform(place) < shape_.dropout) continue;
      const double weight = weights[j] / (1 - shape_.dropout);
      for (int c = 0; c < shape_.value_width; ++c)
        out[0][query * this->outputs[0].data.columns() + std::int64_t{h} * shape_.value_width + c] +=
            weight * at(2, key + j, h, c);
    }
  }

  AttentionShape shape_;
  std::vector<std::int32_t> query_offsets_, key_offsets_;
  std::vector<std::int64_t> pair_offsets_;
  PhiloxStream random_;
  Tensor<T> log_sum_exp_;
};

OpCase attention_case(std::string name, bool tiny, const AttentionShape& shape) {
  return make_case(std::move(name), tiny,
                   [shape]<class T>(std::uint64_t seed) { return std::make_unique<AttentionProblem<T>>(shape, seed); });
}

/// Every segment attends to itself.
AttentionShape self(std::vector<int> lengths, AttentionShape rest) {
  rest.queries = lengths;
  rest.keys = std::move(lengths);
  return rest;
}

}  // namespace

std::vector<OpCase> attention_cases() {
  constexpr auto logits = AttentionMean::logits, weights = AttentionMean::weights;
  return {
      attention_case("one token, one head", true, self({1}, {.heads = 1})),
      attention_case("one key for several queries", true, {{3, 2}, {1, 2}, 2, 3, 2}),
      attention_case("self, segments of different lengths", true, self({3, 1, 4}, {})),
      attention_case("causal", true, self({4, 1, 3}, {.causal = true})),
      attention_case("cross, other widths of values", true, {{2, 1, 3}, {4, 2, 1}, 3, 2, 5}),
      attention_case("segments without queries or keys", true, {{0, 2, 0, 1}, {3, 2, 0, 1}}),
      attention_case("dropout", true, {{3, 2}, {5, 2}, 2, 3, 2, false, AttentionMean::none, 0.4}),
      attention_case("causal with dropout", true, self({6}, {.causal = true, .dropout = 0.3})),
      attention_case("mean of logits", true, {{3, 2}, {2, 4}, 2, 3, 2, false, logits}),
      attention_case("mean of logits, causal, with dropout", true,
                     self({4, 2}, {.heads = 3, .causal = true, .mean_of = logits, .dropout = 0.3})),
      attention_case("mean of weights", true, {{3, 2}, {2, 4}, 2, 3, 2, false, weights}),
      attention_case("one fused product", true, self({3, 2}, {.key_width = 2, .value_width = 3, .fused = true})),
      attention_case("output with columns of others", true,
                     {{2, 2}, {3, 1}, 2, 2, 2, false, AttentionMean::none, 0, 1, false, 3}),
      attention_case("a bias for each pair", true, {.queries = {3, 0, 2}, .keys = {2, 1, 4}, .bias = true}),
      attention_case("a bias, causal, mean of logits, dropout, one product", true,
                     self({4, 1, 2}, {.heads = 3,
                                      .key_width = 2,
                                      .value_width = 2,
                                      .causal = true,
                                      .mean_of = logits,
                                      .dropout = 0.3,
                                      .fused = true,
                                      .bias = true})),
      attention_case("logits up to 60", false, self({9, 5}, {.key_width = 64, .value_width = 20, .spread = 20})),
      attention_case("widths of 35", false, {{7, 3}, {9, 20}, 3, 35, 35}),
      attention_case("tiles of queries and keys", false, self({70, 2}, {.key_width = 20, .value_width = 20})),
      attention_case(
          "tiles, causal, mean of logits, dropout", false,
          self({67, 9}, {.key_width = 5, .value_width = 7, .causal = true, .mean_of = logits, .dropout = 0.1})),
      attention_case("tiles, causal, a bias", false,
                     self({69, 3}, {.key_width = 5, .value_width = 7, .causal = true, .bias = true})),
      attention_case("tiles, a bias", false,
                     {.queries = {18, 66}, .keys = {70, 33}, .key_width = 6, .value_width = 4, .bias = true}),
      attention_case("tiles, mean of weights", false, {{18, 5}, {70, 33}, 2, 6, 4, false, weights}),
      attention_case("encoder of a batch, 2 heads of 20", false,
                     self({35, 28}, {.key_width = 20, .value_width = 20, .fused = true})),
      attention_case("decoder to source of a batch, 2 heads of 20, mean of logits", false,
                     {{15, 12}, {35, 28}, 2, 20, 20, false, logits}),
      attention_case("a sentence in 3 heads of 64, dropout", false,
                     self({20}, {.heads = 3, .key_width = 64, .value_width = 64, .dropout = 0.1, .fused = true})),
      attention_case("a sentence in 12 heads of 64", false,
                     self({22}, {.heads = 12, .key_width = 64, .value_width = 64, .fused = true})),
  };
}

}  // namespace ethreed
