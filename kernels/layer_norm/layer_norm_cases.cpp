#include "kernels/common/operation.h"
#include "kernels/layer_norm/layer_norm.h"

#include <cmath>

namespace ethreed {

namespace {

struct LayerNormSetting {
  LayerNormForm form;
  int rows;
  int columns;
  double epsilon = 1e-6;
  double offset = 0.0;  ///< added to every x
  double deviation = 1.0;
};

template <class T> class LayerNormProblem final : public OpProblem<T> {
 public:
  LayerNormProblem(const LayerNormSetting& setting, std::uint64_t seed) : setting_(setting) {
    const Shape shape{setting.rows, setting.columns};
    this->inputs.push_back({"x", random_tensor<T>(shape, seed, 0, setting.deviation)});
    for (T& x : this->inputs[0].data.span()) x += static_cast<T>(setting.offset);
    this->inputs.push_back({"gamma", random_tensor<T>({setting.columns}, seed, 1)});
    this->inputs.push_back({"beta", random_tensor<T>({setting.columns}, seed, 2)});
    this->outputs.push_back({"y", Tensor<T>(shape)});
    mean_ = Tensor<T>({setting.rows});
    deviation_ = Tensor<T>({setting.rows});
  }

  void move_to(MemorySource& memory) override {
    OpProblem<T>::move_to(memory);
    mean_ = mean_.clone(memory);
    deviation_ = deviation_.clone(memory);
  }

  void forward(Context& context) override { layer_norm_forward(context, arguments()); }

  void backward(Context& context, std::span<const T* const> cotangents,
                std::span<const GradientSink<T>> gradients) override {
    layer_norm_backward<T>(context, {.forward = arguments(),
                                     .dy = cotangents[0],
                                     .dx = gradients[0],
                                     .dgamma = gradients[1],
                                     .dbeta = gradients[2]});
  }

  std::vector<std::vector<double>> reference() const override {
    const auto at = [&](std::size_t input, int k) { return static_cast<double>(this->inputs[input].data[k]); };
    const int n = setting_.columns;
    const auto epsilon = static_cast<double>(static_cast<T>(setting_.epsilon));
    std::vector<double> y;
    for (int i = 0; i < setting_.rows; ++i) {
      double mean = 0, squares = 0;
      for (int k = 0; k < n; ++k) mean += at(0, i * n + k) / n;
      for (int k = 0; k < n; ++k) squares += std::pow(at(0, i * n + k) - mean, 2);
      const double divisor = setting_.form == LayerNormForm::usual ? std::sqrt(squares / n + epsilon)
                                                                   : std::sqrt(squares / (n - 1)) + epsilon;
      for (int k = 0; k < n; ++k) y.push_back(at(1, k) * (at(0, i * n + k) - mean) / divisor + at(2, k));
    }
    return {y};
  }

  Cost cost() const override {
    const double rows = setting_.rows, columns = setting_.columns, elements = rows * columns;
    const double there = rows > 0 ? 1 : 0;
    const std::int64_t chunks = (setting_.rows + 31) / 32;
    const std::int64_t workspace = 2 * chunks * setting_.columns * static_cast<std::int64_t>(sizeof(T));
    return {.forward_flops = 8 * elements,
            .backward_flops = 17 * elements,
            .forward_bytes = (2 * elements + there * 2 * columns + 2 * rows) * sizeof(T),
            .backward_bytes = (3 * elements + (2 + there) * columns + 2 * rows) * sizeof(T),
            .saved_bytes = 2 * setting_.rows * static_cast<std::int64_t>(sizeof(T)),
            .workspace_bytes = (workspace + 63) / 64 * 64};
  }
  std::int64_t saved_bytes() const override {
    return (mean_.count() + deviation_.count()) * static_cast<std::int64_t>(sizeof(T));
  }

 private:
  LayerNormForward<T> arguments() {
    return {.form = setting_.form,
            .rows = setting_.rows,
            .columns = setting_.columns,
            .epsilon = static_cast<T>(setting_.epsilon),
            .x = this->inputs[0].data.data(),
            .gamma = this->inputs[1].data.data(),
            .beta = this->inputs[2].data.data(),
            .mean = mean_.data(),
            .deviation = deviation_.data(),
            .y = this->outputs[0].data.data()};
  }

  LayerNormSetting setting_;
  Tensor<T> mean_;
  Tensor<T> deviation_;
};

OpCase layer_norm_case(std::string name, bool tiny, LayerNormSetting setting) {
  name = (setting.form == LayerNormForm::usual ? "usual, " : "unbiased, ") + std::move(name);
  return make_case(std::move(name), tiny, [setting]<class T>(std::uint64_t seed) {
    return std::make_unique<LayerNormProblem<T>>(setting, seed);
  });
}

}  // namespace

std::vector<OpCase> layer_norm_cases() {
  constexpr LayerNormForm usual = LayerNormForm::usual, unbiased = LayerNormForm::unbiased;
  return {
      layer_norm_case("no row", false, {usual, 0, 5}),
      layer_norm_case("two rows", true, {usual, 2, 5}),
      layer_norm_case("a large epsilon", true, {usual, 2, 6, 0.5}),
      layer_norm_case("rows far from zero", true, {usual, 3, 19, 1e-5, 4.0}),
      layer_norm_case("more rows than a sum takes at once", false, {usual, 65, 33, 1e-5}),
      layer_norm_case("tokens of a batch", false, {usual, 120, 1024, 1e-5}),
      layer_norm_case("two elements a row", true, {unbiased, 3, 2, 0.5}),
      layer_norm_case("one row", true, {unbiased, 1, 7}),
      layer_norm_case("a large epsilon", true, {unbiased, 3, 5, 0.5}),
      layer_norm_case("small and far from zero", true, {unbiased, 2, 6, 1e-2, 5.0, 0.1}),
      layer_norm_case("no row", false, {unbiased, 0, 4}),
      layer_norm_case("an odd width", false, {unbiased, 9, 301}),
      layer_norm_case("words of a batch", false, {unbiased, 238, 300}),
  };
}

}  // namespace ethreed
