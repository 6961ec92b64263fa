#include "kernels/common/operation.h"
#include "kernels/scaled_sum/scaled_sum.h"

namespace ethreed {

namespace {

template <class T> class ScaledSumProblem final : public OpProblem<T> {
 public:
  ScaledSumProblem(int count, double scale, std::uint64_t seed) : scale_(scale) {
    this->inputs.push_back({"x", random_tensor<T>({count}, seed, 0)});
    this->outputs.push_back({"y", Tensor<T>({1})});
  }

  void forward(Context& context) override { scaled_sum_forward(context, arguments()); }

  void backward(Context& context, std::span<const T* const> cotangents,
                std::span<const GradientSink<T>> gradients) override {
    scaled_sum_backward<T>(context, {.forward = arguments(), .dy = cotangents[0], .dx = gradients[0]});
  }

  std::vector<std::vector<double>> reference() const override {
    double sum = 0;
    for (const T x : this->inputs[0].data.span()) sum += static_cast<double>(x);
    return {{scale_ * sum}};
  }

  Cost cost() const override {
    const auto n = static_cast<double>(this->inputs[0].data.count());
    return {.forward_flops = n + 1,
            .backward_flops = n,
            .forward_bytes = (n + 1) * sizeof(T),
            .backward_bytes = (n + 1) * sizeof(T)};
  }
  std::int64_t saved_bytes() const override { return 0; }

 private:
  ScaledSumForward<T> arguments() {
    return {.count = this->inputs[0].data.count(),
            .scale = scale_,
            .x = this->inputs[0].data.data(),
            .y = this->outputs[0].data.data()};
  }

  double scale_;
};

OpCase sum_case(std::string name, bool tiny, int count, double scale) {
  return make_case(std::move(name), tiny, [=]<class T>(std::uint64_t seed) {
    return std::make_unique<ScaledSumProblem<T>>(count, scale, seed);
  });
}

}  // namespace

std::vector<OpCase> scaled_sum_cases() {
  return {
      sum_case("one element", true, 1, 1.0),
      sum_case("nothing to add", true, 0, 0.5),
      sum_case("eleven elements", true, 11, -1.0 / 11),
      sum_case("tokens of a batch", false, 238, 1.0 / 238),
  };
}

}  // namespace ethreed
