#include "kernels/common/operation.h"
#include "kernels/log_softmax/log_softmax.h"

#include <algorithm>
#include <cmath>

namespace ethreed {

namespace {

struct LogSoftmaxSetting {
  int rows;
  int columns;
  double offset = 0.0;  ///< added to every x
  double deviation = 1.0;
  bool probabilities = false;
};

template <class T> class LogSoftmaxProblem final : public OpProblem<T> {
 public:
  LogSoftmaxProblem(const LogSoftmaxSetting& setting, std::uint64_t seed)
      : rows_(setting.rows), columns_(setting.columns), probabilities_(setting.probabilities) {
    this->inputs.push_back({"x", random_tensor<T>({rows_, columns_}, seed, 0, setting.deviation)});
    for (T& x : this->inputs[0].data.span()) x += static_cast<T>(setting.offset);
    this->outputs.push_back({"y", Tensor<T>({rows_, columns_})});
  }

  void forward(Context& context) override { log_softmax_forward(context, arguments()); }

  void backward(Context& context, std::span<const T* const> cotangents,
                std::span<const GradientSink<T>> gradients) override {
    log_softmax_backward<T>(context, {.forward = arguments(), .dy = cotangents[0], .dx = gradients[0]});
  }

  std::vector<std::vector<double>> reference() const override {
    std::vector<double> y;
    for (int i = 0; i < rows_; ++i) {
      const auto x = [&](int k) { return static_cast<double>(this->inputs[0].data[std::int64_t{i} * columns_ + k]); };
      double high = -INFINITY, sum = 0;
      for (int k = 0; k < columns_; ++k) high = std::max(high, x(k));
      for (int k = 0; k < columns_; ++k) sum += std::exp(x(k) - high);
      for (int k = 0; k < columns_; ++k)
        y.push_back(probabilities_ ? std::exp(x(k) - high) / sum : (x(k) - high) - std::log(sum));
    }
    return {y};
  }

  Cost cost() const override {
    const double elements = static_cast<double>(rows_) * columns_;
    return {.forward_flops = (probabilities_ ? 6 : 5) * elements,
            .backward_flops = 4 * elements,
            .forward_bytes = 2 * elements * sizeof(T),
            .backward_bytes = 3 * elements * sizeof(T)};
  }
  std::int64_t saved_bytes() const override { return 0; }

 private:
  LogSoftmaxForward<T> arguments() {
    return {.rows = rows_,
            .columns = columns_,
            .probabilities = probabilities_,
            .x = this->inputs[0].data.data(),
            .y = this->outputs[0].data.data()};
  }

  int rows_;
  int columns_;
  bool probabilities_;
};

OpCase log_softmax_case(std::string name, bool tiny, LogSoftmaxSetting setting) {
  return make_case(std::move(name), tiny, [setting]<class T>(std::uint64_t seed) {
    return std::make_unique<LogSoftmaxProblem<T>>(setting, seed);
  });
}
OpCase softmax_case(std::string name, bool tiny, LogSoftmaxSetting setting) {
  setting.probabilities = true;
  return log_softmax_case("probabilities, " + std::move(name), tiny, setting);
}

}  // namespace

std::vector<OpCase> log_softmax_cases() {
  return {
      log_softmax_case("one element a row", true, {3, 1}),
      log_softmax_case("no row", false, {0, 5}),
      log_softmax_case("two rows", true, {2, 5}),
      log_softmax_case("large x", true, {3, 19, 200.0}),
      log_softmax_case("one x far above the others", true, {2, 6, 0.0, 12.0}),
      log_softmax_case("labels of a batch", false, {34, 32}),
      log_softmax_case("the longest row of a warp", false, {3, log_softmax_warp_columns}),
      log_softmax_case("the shortest row of a block", false, {3, log_softmax_warp_columns + 1}),
      log_softmax_case("replies to two contexts", false, {2, 8000}),
      log_softmax_case("words, an odd number of them", false, {2, 24'993}),
      softmax_case("one element a row", true, {3, 1}),
      softmax_case("no row", false, {0, 5}),
      softmax_case("two rows", true, {2, 5}),
      softmax_case("large x", true, {3, 19, 200.0}),
      softmax_case("one x far above the others", true, {2, 6, 0.0, 12.0}),
      softmax_case("labels of a batch", false, {34, 32}),
      softmax_case("the shortest row of a block", false, {3, log_softmax_warp_columns + 1}),
      softmax_case("words, an odd number of them", false, {2, 24'993}),
  };
}

}  // namespace ethreed
