#include "kernels/common/operation.h"
#include "kernels/linear_combination/linear_combination.h"

namespace ethreed {

namespace {

template <class T> class LinearCombinationProblem final : public OpProblem<T> {
 public:
  LinearCombinationProblem(std::vector<double> weights, std::uint64_t seed) : weights_(std::move(weights)) {
    for (std::size_t k = 0; k < weights_.size(); ++k)
      this->inputs.push_back({"x" + std::to_string(k), random_tensor<T>({1}, seed, k)});
    this->outputs.push_back({"y", Tensor<T>({1})});
  }

  void forward(Context& context) override { linear_combination_forward(context, arguments()); }

  void backward(Context& context, std::span<const T* const> cotangents,
                std::span<const GradientSink<T>> gradients) override {
    LinearCombinationBackward<T> args{.forward = arguments(), .dy = cotangents[0]};
    for (std::size_t k = 0; k < weights_.size(); ++k) args.dx[k] = gradients[k];
    linear_combination_backward(context, args);
  }

  std::vector<std::vector<double>> reference() const override {
    double sum = 0;
    for (std::size_t k = 0; k < weights_.size(); ++k) sum += weights_[k] * static_cast<double>(this->inputs[k].data[0]);
    return {{sum}};
  }

  Cost cost() const override {
    const auto n = static_cast<double>(weights_.size());
    return {.forward_flops = 2 * n,
            .backward_flops = n,
            .forward_bytes = (n + 1) * sizeof(T),
            .backward_bytes = (n + 1) * sizeof(T)};
  }
  std::int64_t saved_bytes() const override { return 0; }

 private:
  LinearCombinationForward<T> arguments() {
    LinearCombinationForward<T> args{.terms = static_cast<int>(weights_.size())};
    for (std::size_t k = 0; k < weights_.size(); ++k) {
      args.x[k] = this->inputs[k].data.data();
      args.weights[k] = weights_[k];
    }
    args.y = this->outputs[0].data.data();
    return args;
  }

  std::vector<double> weights_;
};

OpCase combination_case(std::string name, bool tiny, std::vector<double> weights) {
  return make_case(std::move(name), tiny, [weights]<class T>(std::uint64_t seed) {
    return std::make_unique<LinearCombinationProblem<T>>(weights, seed);
  });
}

}  // namespace

std::vector<OpCase> linear_combination_cases() {
  return {
      combination_case("one term", true, {1.0}),
      combination_case("a weight of zero", true, {0.5, 0.0, -2.0}),
      combination_case("eight terms", true, {1, 2, 3, 4, 5, 6, 7, 8}),
      combination_case("five losses", false, {1, 1, 1, 1, 1}),
  };
}

}  // namespace ethreed
