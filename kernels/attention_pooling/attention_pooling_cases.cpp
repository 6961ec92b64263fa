#include "kernels/attention_pooling/attention_pooling.h"
#include "kernels/common/operation.h"

#include <algorithm>
#include <cmath>
#include <optional>

namespace ethreed {

namespace {

/// Lengths of the segments; without `rows`, entry j reads row j.
struct PoolingShape {
  std::vector<int> lengths;
  int columns;
  std::optional<std::vector<std::int32_t>> rows = {};
  int source_rows = 0;     // with rows
  bool scored = true;      // a softmax, else the mean
  double deviation = 1.0;  // of the scores
  double offset = 0.0;     // of the scores

  std::vector<std::int32_t> offsets() const {
    std::vector<std::int32_t> offsets{0};
    for (const int length : lengths) offsets.push_back(offsets.back() + length);
    return offsets;
  }
};

template <class T> class AttentionPoolingProblem final : public OpProblem<T> {
 public:
  AttentionPoolingProblem(const PoolingShape& shape, std::uint64_t seed) : shape_(shape), offsets_(shape.offsets()) {
    this->inputs.push_back({"x", random_tensor<T>({source_rows(), shape.columns}, seed, 0)});
    if (shape.scored) {
      this->inputs.push_back({"scores", random_tensor<T>({entries(), 1}, seed, 1, shape.deviation)});
      for (T& score : this->inputs[1].data.span()) score += static_cast<T>(shape.offset);
    }
    this->outputs.push_back({"y", Tensor<T>({segments(), shape.columns})});
    this->outputs.push_back({"weights", Tensor<T>({entries()}), false});
  }

  void forward(Context& context) override { attention_pooling_forward(context, arguments()); }

  void backward(Context& context, std::span<const T* const> cotangents,
                std::span<const GradientSink<T>> gradients) override {
    attention_pooling_backward<T>(context, {.forward = arguments(),
                                            .dy = cotangents[0],
                                            .dscores = shape_.scored ? gradients[1] : GradientSink<T>{},
                                            .dx = gradients[0]});
  }

  std::vector<std::vector<double>> reference() const override {
    std::vector<double> y, weights;
    for (std::size_t s = 0; s + 1 < offsets_.size(); ++s) {
      std::vector<double> row(shape_.columns, 0.0);
      double sum = 0;
      for (int j = offsets_[s]; j < offsets_[s + 1]; ++j) sum += power(j);
      for (int j = offsets_[s]; j < offsets_[s + 1]; ++j) {
        weights.push_back(power(j) / sum);
        const std::int64_t source = shape_.rows ? (*shape_.rows)[j] : j;
        for (std::size_t c = 0; c < row.size(); ++c)
          row[c] += weights.back() *
                    static_cast<double>(this->inputs[0].data[source * shape_.columns + static_cast<std::int64_t>(c)]);
      }
      y.insert(y.end(), row.begin(), row.end());
    }
    return {y, weights};
  }

  Cost cost() const override {
    const double e = entries(), s = segments(), r = source_rows(), d = shape_.columns;
    const double indices = s > 0 ? 4 * ((shape_.rows ? e : 0) + s + 1) : 0, scores = shape_.scored ? e : 0;
    const double to_scores = shape_.scored ? (e + s) * d + e : 0;  // x, y and dscores
    return {.forward_flops = 2 * e * d,
            .backward_flops = (shape_.scored ? 5 : 2) * e * d,
            .forward_bytes = ((e + s) * d + e + scores) * sizeof(T) + indices,
            .backward_bytes = ((s + r) * d + e + to_scores) * sizeof(T) + indices,
            .saved_bytes = 0,
            .workspace_bytes = 0};
  }
  std::int64_t saved_bytes() const override { return 0; }

 private:
  int segments() const { return count_of(shape_.lengths); }
  int entries() const { return offsets_.back(); }
  int source_rows() const { return shape_.rows ? shape_.source_rows : entries(); }
  /// e^score, less the offset that every case adds to all scores alike.
  double power(int j) const {
    return shape_.scored ? std::exp(static_cast<double>(this->inputs[1].data[j]) - shape_.offset) : 1.0;
  }

  AttentionPoolingForward<T> arguments() {
    return {.offsets = offsets_,
            .rows = shape_.rows ? shape_.rows->data() : nullptr,
            .source_rows = source_rows(),
            .columns = shape_.columns,
            .scores = shape_.scored ? this->inputs[1].data.data() : nullptr,
            .x = this->inputs[0].data.data(),
            .weights = this->outputs[1].data.data(),
            .y = this->outputs[0].data.data()};
  }

  PoolingShape shape_;
  std::vector<std::int32_t> offsets_;
};

OpCase pooling_case(std::string name, bool tiny, PoolingShape shape) {
  return make_case(std::move(name), tiny, [shape]<class T>(std::uint64_t seed) {
    return std::make_unique<AttentionPoolingProblem<T>>(shape, seed);
  });
}

/// The rows of sequences that stand time-major, longest first, without pads: entries go sequence by sequence.
PoolingShape packed(std::vector<int> lengths, int columns, bool scored = true) {
  std::vector<std::int32_t> rows;
  for (std::size_t b = 0; b < lengths.size(); ++b)
    for (int t = 0; t < lengths[b]; ++t) {
      int row = static_cast<int>(b);  // and all rows of the steps before
      for (const int length : lengths) row += std::min(length, t);
      rows.push_back(row);
    }
  const int source_rows = count_of(rows);
  return {std::move(lengths), columns, std::move(rows), source_rows, scored};
}

/// `count` entries that read any of `source_rows` rows.
std::vector<std::int32_t> random_rows(int count, int source_rows, std::uint64_t stream) {
  const PhiloxStream random(20240229, stream);
  std::vector<std::int32_t> rows;
  for (std::uint64_t i = 0; i < static_cast<std::uint64_t>(count); ++i)
    rows.push_back(static_cast<std::int32_t>(random.below(static_cast<std::uint64_t>(source_rows), i)));
  return rows;
}

}  // namespace

std::vector<OpCase> attention_pooling_cases() {
  return {
      pooling_case("one entry", true, {{1}, 3}),
      pooling_case("segments of different lengths", true, {{2, 1, 4}, 3}),
      pooling_case("means", true, {.lengths = {3, 1, 2}, .columns = 5, .scored = false}),
      pooling_case("packed states", true, packed({4, 2, 2, 1}, 4)),
      pooling_case("means of packed states", true, packed({3, 2}, 2, false)),
      pooling_case("rows read several times, and rows that nobody reads", true,
                   {{3, 2, 3}, 3, {{5, 1, 5, 1, 3, 3, 5, 3}}, 7}),
      pooling_case("one row for a whole segment", true, {{2, 3}, 4, {{1, 1, 1, 0, 1}}, 2}),
      pooling_case("scores far from 0", true, {.lengths = {3, 4}, .columns = 2, .deviation = 1.5, .offset = -60.0}),
      pooling_case("wider than the lanes of a dot product", true, {{2, 3}, 35}),
      pooling_case("no segments", true,
                   {.lengths = {}, .columns = 3, .rows = std::vector<std::int32_t>{}, .source_rows = 2}),
      pooling_case("longer than a warp", false, {{70, 33, 32, 1}, 20}),
      pooling_case("more entries than a block looks at once", false, {{600, 500, 400}, 12, random_rows(1500, 9, 6), 9}),
      pooling_case("encoder states of a batch", false,
                   packed({34, 30, 27, 25, 24, 22, 21, 21, 20, 18, 17, 15, 14, 12, 11, 9, 8, 6, 5, 3}, 600)),
      pooling_case("columns of no whole vectors", false, packed({19, 12, 12, 5, 1}, 301)),
  };
}

}  // namespace ethreed
