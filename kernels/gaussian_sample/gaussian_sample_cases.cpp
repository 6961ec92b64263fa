#include "kernels/common/operation.h"
#include "kernels/gaussian_sample/gaussian_sample.h"

#include <cmath>

namespace ethreed {

namespace {

/// `deviation` scales the log variance.
template <class T> class GaussianSampleProblem final : public OpProblem<T> {
 public:
  GaussianSampleProblem(int rows, int columns, double deviation, std::uint64_t seed) {
    this->inputs.push_back({"mean", random_tensor<T>({rows, columns}, seed, 0)});
    this->inputs.push_back({"log_variance", random_tensor<T>({rows, columns}, seed, 1, deviation)});
    this->inputs.push_back({"noise", random_tensor<T>({rows, columns}, seed, 2), false});
    this->outputs.push_back({"sample", Tensor<T>({rows, columns})});
  }

  void forward(Context& context) override { gaussian_sample_forward(context, arguments()); }

  void backward(Context& context, std::span<const T* const> cotangents,
                std::span<const GradientSink<T>> gradients) override {
    gaussian_sample_backward<T>(
        context,
        {.forward = arguments(), .dsample = cotangents[0], .dmean = gradients[0], .dlog_variance = gradients[1]});
  }

  std::vector<std::vector<double>> reference() const override {
    std::vector<double> sample;
    for (std::int64_t i = 0; i < count(); ++i)
      sample.push_back(static_cast<double>(this->inputs[0].data[i]) +
                       std::sqrt(std::exp(static_cast<double>(this->inputs[1].data[i]))) *
                           static_cast<double>(this->inputs[2].data[i]));
    return {sample};
  }

  Cost cost() const override {
    const auto n = static_cast<double>(count());
    return {.forward_flops = 4 * n,
            .backward_flops = 7 * n,
            .forward_bytes = 4 * n * sizeof(T),
            .backward_bytes = 5 * n * sizeof(T)};
  }
  std::int64_t saved_bytes() const override { return 0; }

 private:
  std::int64_t count() const { return this->inputs[0].data.count(); }
  GaussianSampleForward<T> arguments() {
    return {.count = count(),
            .mean = this->inputs[0].data.data(),
            .log_variance = this->inputs[1].data.data(),
            .noise = this->inputs[2].data.data(),
            .sample = this->outputs[0].data.data()};
  }
};

OpCase gaussian_case(std::string name, bool tiny, int rows, int columns, double deviation) {
  return make_case(std::move(name), tiny, [=]<class T>(std::uint64_t seed) {
    return std::make_unique<GaussianSampleProblem<T>>(rows, columns, deviation, seed);
  });
}

}  // namespace

std::vector<OpCase> gaussian_sample_cases() {
  return {
      gaussian_case("one element", true, 1, 1, 1.0),
      gaussian_case("two rows", true, 2, 5, 1.0),
      gaussian_case("variances from e^-20 to e^20", true, 2, 5, 10.0),
      gaussian_case("policy of a batch", false, 17, 300, 0.5),
  };
}

}  // namespace ethreed
