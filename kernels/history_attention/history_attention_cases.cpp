#include "kernels/common/operation.h"
#include "kernels/history_attention/history_attention.h"

#include <cmath>

namespace ethreed {

namespace {

/// Lengths of the sequences, longest first.
struct HistoryShape {
  std::vector<int> lengths;
  int query_columns, value_columns;
  bool repeated = false;  // every step of a sequence has the same key

  std::vector<std::int32_t> offsets() const {
    std::vector<std::int32_t> offsets{0};
    for (int t = 0; t < lengths.front(); ++t) {
      int alive = 0;
      for (int length : lengths) alive += length > t ? 1 : 0;
      offsets.push_back(offsets.back() + alive);
    }
    return offsets;
  }
};

template <class T> class HistoryProblem final : public OpProblem<T> {
 public:
  HistoryProblem(const HistoryShape& shape, std::uint64_t seed) : shape_(shape), offsets_(shape.offsets()) {
    const Packing packing{offsets_};
    const int rows = packing.rows(), q = shape.query_columns, g = shape.value_columns;
    const double scale = 1.0 / std::pow(q, 0.25);  // scores of order one
    this->inputs.push_back({"query", random_tensor<T>({rows, q}, seed, 0, scale)});
    this->inputs.push_back({"keys", random_tensor<T>({rows, q}, seed, 1, scale)});
    this->inputs.push_back({"values", random_tensor<T>({rows, g}, seed, 2)});
    this->outputs.push_back({"a", Tensor<T>({rows, g})});
    beta_ = Tensor<T>({rows, packing.steps()});
    Tensor<T>& keys = this->inputs[1].data;
    for (int b = 0; shape.repeated && b < packing.sequences(); ++b)
      for (int k = 1; k < shape.lengths[b]; ++k)
        std::copy_n(keys.data() + std::int64_t{packing.row(0, b)} * q, q,
                    keys.data() + std::int64_t{packing.row(k, b)} * q);
  }

  void move_to(MemorySource& memory) override {
    OpProblem<T>::move_to(memory);
    beta_ = beta_.clone(memory);
  }

  void forward(Context& context) override { history_attention_forward(context, arguments()); }

  void backward(Context& context, std::span<const T* const> cotangents,
                std::span<const GradientSink<T>> gradients) override {
    history_attention_backward<T>(context, {.forward = arguments(),
                                            .da = cotangents[0],
                                            .dquery = gradients[0],
                                            .dkeys = gradients[1],
                                            .dvalues = gradients[2]});
  }

  std::vector<std::vector<double>> reference() const override {
    const Packing packing{offsets_};
    const int g = shape_.value_columns;
    std::vector<double> a(packing.rows() * g, 0.0);
    for (int b = 0; b < packing.sequences(); ++b)
      for (int k = 1; k < shape_.lengths[b]; ++k) {
        std::vector<double> scores;
        double sum = 0;
        for (int j = 0; j < k; ++j) {
          scores.push_back(std::exp(score(packing.row(k, b), packing.row(j, b))));
          sum += scores.back();
        }
        for (int j = 0; j < k; ++j)
          for (int c = 0; c < g; ++c)
            a[packing.row(k, b) * g + c] +=
                scores[j] / sum * static_cast<double>(this->inputs[2].data[std::int64_t{packing.row(j, b)} * g + c]);
      }
    return {a};
  }

  Cost cost() const override {
    const Packing packing{offsets_};
    const double q = shape_.query_columns, g = shape_.value_columns, rows = packing.rows();
    const double later = rows - packing.sequences();
    double pairs = 0;
    for (int length : shape_.lengths) pairs += length * (length - 1) / 2.0;
    const auto size = static_cast<std::int64_t>(sizeof(T));
    const std::int64_t workspace = std::int64_t{packing.sequences()} * packing.steps() * size;
    return {.forward_flops = 2 * pairs * (q + g),
            .backward_flops = 4 * pairs * (q + g),
            .forward_bytes = (later * (2 * q + g) + rows * g + pairs) * sizeof(T),
            .backward_bytes = (later * (2 * q + 2 * g) + rows * (2 * q + g) + pairs) * sizeof(T),
            .saved_bytes = std::int64_t{packing.rows()} * packing.steps() * size,
            .workspace_bytes = (workspace + 63) / 64 * 64};
  }
  std::int64_t saved_bytes() const override { return beta_.count() * static_cast<std::int64_t>(sizeof(T)); }

 private:
  HistoryAttentionForward<T> arguments() {
    return {.packing = {offsets_},
            .query_columns = shape_.query_columns,
            .value_columns = shape_.value_columns,
            .query = this->inputs[0].data.data(),
            .keys = this->inputs[1].data.data(),
            .values = this->inputs[2].data.data(),
            .a = this->outputs[0].data.data(),
            .beta = beta_.data()};
  }

  double score(int query_row, int key_row) const {
    const std::int64_t q = shape_.query_columns;
    double sum = 0;
    for (std::int64_t i = 0; i < q; ++i)
      sum += static_cast<double>(this->inputs[0].data[query_row * q + i]) *
             static_cast<double>(this->inputs[1].data[key_row * q + i]);
    return sum;
  }

  HistoryShape shape_;
  std::vector<std::int32_t> offsets_;
  Tensor<T> beta_;
};

OpCase history_case(std::string name, bool tiny, HistoryShape shape) {
  return make_case(std::move(name), tiny,
                   [shape]<class T>(std::uint64_t seed) { return std::make_unique<HistoryProblem<T>>(shape, seed); });
}

}  // namespace

std::vector<OpCase> history_attention_cases() {
  return {
      history_case("one step, nothing to recall", true, {{1}, 2, 3}),
      history_case("two steps", true, {{2}, 3, 2}),
      history_case("sequences of different lengths", true, {{4, 2, 2, 1}, 3, 2}),
      history_case("repeated keys", true, {{4, 3}, 3, 2, true}),
      history_case("wider than the lanes of a dot product", true, {{3, 2}, 19, 17}),
      history_case("training batch", false, {{8, 6, 6, 4, 4, 4, 4, 4}, 600, 300}),
      history_case("long conversation", false, {{40}, 600, 300}),
  };
}

}  // namespace ethreed
