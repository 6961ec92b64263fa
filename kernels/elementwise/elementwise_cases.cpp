#include "kernels/common/operation.h"
#include "kernels/elementwise/elementwise.h"

#include <cmath>

namespace ethreed {

namespace {

using elementwise::Add;
using elementwise::FunctionList;
using elementwise::InverseSquareRoot;
using elementwise::Multiply;
using elementwise::SquaredHinge;
using elementwise::Tanh;

// The functions by their definitions; those of one input do not use b.
double textbook(Add, double a, double b) { return a + b; }
double textbook(Multiply, double a, double b) { return a * b; }
double textbook(Tanh, double a, double) {
  const double up = std::exp(a), down = std::exp(-a);
  return (up - down) / (up + down);
}

double textbook(InverseSquareRoot, double a, double) { return std::pow(a, -0.5); }
double textbook(SquaredHinge, double s, double t) { return t * s < 1 ? std::pow(1 - t * s, 2) : 0; }

struct ElementwiseSetting {
  int rows;
  int columns;
  bool mask = false;  ///< b is a dropout mask: zeros and twos, and no gradient
};

template <class F, class T> class ElementwiseProblem final : public OpProblem<T> {
 public:
  ElementwiseProblem(const ElementwiseSetting& setting, std::uint64_t seed) {
    const Shape shape{setting.rows, setting.columns};
    this->inputs.push_back({"a", random_tensor<T>(shape, seed, 0)});
    if constexpr (requires { F::positive; })
      for (T& a : this->inputs[0].data.span()) a = std::abs(a) + T{0.5};
    if constexpr (F::inputs == 2) {
      this->inputs.push_back({"b", random_tensor<T>(shape, seed, 1), !setting.mask});
      if (setting.mask)
        for (T& b : this->inputs[1].data.span()) b = b > T{0} ? T{2} : T{0};
    }
    this->outputs.push_back({"y", Tensor<T>(shape)});
  }

  void forward(Context& context) override { elementwise_forward(context, arguments()); }

  void backward(Context& context, std::span<const T* const> cotangents,
                std::span<const GradientSink<T>> gradients) override {
    ElementwiseBackward<T> args{.forward = arguments(), .dy = cotangents[0], .da = gradients[0]};
    if (F::inputs == 2) args.db = gradients[1];
    elementwise_backward(context, args);
  }

  std::vector<std::vector<double>> reference() const override {
    std::vector<double> y;
    for (std::int64_t k = 0; k < count(); ++k)
      y.push_back(textbook(F{}, static_cast<double>(this->inputs[0].data[k]),
                           F::inputs == 2 ? static_cast<double>(this->inputs[1].data[k]) : 0.0));
    return {y};
  }

  Cost cost() const override {
    const auto n = static_cast<double>(count());
    double gradients = 0;
    for (const Operand<T>& input : this->inputs) gradients += input.differentiable;
    return {.forward_flops = F::forward_flops * n,
            .backward_flops = F::backward_flops * gradients / F::inputs * n,
            .forward_bytes = (F::inputs + 1) * n * sizeof(T),
            .backward_bytes = (1 + F::backward_reads * gradients / F::inputs + gradients) * n * sizeof(T)};
  }
  std::int64_t saved_bytes() const override { return 0; }

 private:
  std::int64_t count() const { return this->inputs[0].data.count(); }
  ElementwiseForward<T> arguments() {
    return {.function = elementwise::number_of<F>,
            .count = count(),
            .a = this->inputs[0].data.data(),
            .b = F::inputs == 2 ? this->inputs.back().data.data() : nullptr,
            .y = this->outputs[0].data.data()};
  }
};

template <class F> OpCase elementwise_case(std::string name, bool tiny, ElementwiseSetting setting) {
  return make_case(std::string(F::name) + ", " + std::move(name), tiny, [setting]<class T>(std::uint64_t seed) {
    return std::make_unique<ElementwiseProblem<F, T>>(setting, seed);
  });
}

template <class... F> std::vector<OpCase> cases_of(FunctionList<F...>) {
  std::vector<OpCase> cases;
  (cases.insert(cases.end(),
                {elementwise_case<F>("one element", true, {1, 1}), elementwise_case<F>("no element", false, {0, 4}),
                 elementwise_case<F>("a few", true, {2, 5}), elementwise_case<F>("gates of a step", false, {17, 900}),
                 elementwise_case<F>("several chunks", false, {37, 1001})}),
   ...);
  return cases;
}

}  // namespace

std::vector<OpCase> elementwise_cases() {
  std::vector<OpCase> cases = cases_of(elementwise::Functions{});
  cases.push_back(elementwise_case<Multiply>("a mask", true, {3, 4, true}));
  cases.push_back(elementwise_case<Multiply>("a mask of a batch", false, {34, 300, true}));
  return cases;
}

}  // namespace ethreed
