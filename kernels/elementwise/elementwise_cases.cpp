#include "kernels/common/operation.h"
#include "kernels/elementwise/elementwise.h"

#include <algorithm>
#include <cmath>

namespace ethreed {

namespace {

using namespace elementwise;

// The functions by their definitions; those of one input do not use b.
double textbook(Add, double a, double b) { return a + b; }
double textbook(Multiply, double a, double b) { return a * b; }
double textbook(Tanh, double a, double) {
  const double up = std::exp(a), down = std::exp(-a);
  return (up - down) / (up + down);
}

double normal_below(double a) { return 0.5 * std::erfc(-a / std::sqrt(2.0)); }

double textbook(Subtract, double a, double b) { return a - b; }
double textbook(Scale, double a, double p) { return a * p; }
double textbook(Sigmoid, double a, double) { return std::exp(a) / (std::exp(a) + 1); }
double textbook(Relu, double a, double) { return std::max(a, 0.0); }
double textbook(Gelu, double a, double) { return a * normal_below(a); }
double textbook(GeluTanh, double a, double) {
  const double inner = std::sqrt(2 / std::acos(-1.0)) * (a + 0.044715 * std::pow(a, 3));
  return a / 2 * (1 + std::tanh(inner));
}
double textbook(Exp, double a, double) { return std::exp(a); }
double textbook(Log, double a, double) { return std::log(a); }
double textbook(SquaredError, double a, double b) { return std::pow(a - b, 2); }
double textbook(BinaryCrossEntropy, double z, double t) {
  const double p = 1 / (1 + std::exp(-z));
  return -t * std::log(p) - (1 - t) * std::log(1 - p);
}
double textbook(InverseSquareRoot, double a, double) { return std::pow(a, -0.5); }
double textbook(SquaredHinge, double s, double t) { return t * s < 1 ? std::pow(1 - t * s, 2) : 0; }

struct ElementwiseSetting {
  int rows;
  int columns;
  bool mask = false;  ///< b is a dropout mask: zeros and twos, and no gradient
  Broadcast broadcast = Broadcast::none;
};

constexpr double parameter = 0.7;

template <class F, class T> class ElementwiseProblem final : public OpProblem<T> {
 public:
  ElementwiseProblem(const ElementwiseSetting& setting, std::uint64_t seed)
      : broadcast_(setting.broadcast), columns_(setting.columns) {
    const Shape shape{setting.rows, setting.columns};
    const Shape of_b = broadcast_ == Broadcast::row      ? Shape{1, setting.columns}
                       : broadcast_ == Broadcast::column ? Shape{setting.rows, 1}
                                                         : shape;
    this->inputs.push_back({"a", random_tensor<T>(shape, seed, 0)});
    if constexpr (requires { F::positive; })
      for (T& a : this->inputs[0].data.span()) a = std::abs(a) + T{0.5};
    if constexpr (requires { F::kink; })
      for (T& a : this->inputs[0].data.span()) a += a > T{0} ? T{0.125} : T{-0.125};
    if constexpr (F::inputs == 2) {
      this->inputs.push_back({"b", random_tensor<T>(of_b, seed, 1), !setting.mask});
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
    for (std::int64_t k = 0; k < count(); ++k) {
      const std::int64_t j = broadcast_ == Broadcast::row      ? k % columns_
                             : broadcast_ == Broadcast::column ? k / columns_
                                                               : k;
      const double second = F::inputs == 2 ? static_cast<double>(this->inputs.back().data[j])
                                           : static_cast<double>(static_cast<T>(parameter));
      y.push_back(textbook(F{}, static_cast<double>(this->inputs[0].data[k]), second));
    }
    return {y};
  }

  Cost cost() const override {
    const auto n = static_cast<double>(count());
    double gradients = 0;
    for (const Operand<T>& input : this->inputs) gradients += input.differentiable;
    Cost cost{.forward_flops = F::forward_flops * n,
              .backward_flops = F::backward_flops * gradients / F::inputs * n,
              .forward_bytes = (F::inputs + 1) * n * sizeof(T),
              .backward_bytes = (1 + F::backward_reads * gradients / F::inputs + gradients) * n * sizeof(T)};
    if (broadcast_ == Broadcast::none) return cost;
    const auto small = static_cast<double>(this->inputs.back().data.count()), read = n > 0 ? small : 0;
    cost.backward_flops += n;
    cost.forward_bytes += (read - n) * sizeof(T);
    cost.backward_bytes += (small - n + (F::backward_reads == 2 ? read - n : 0)) * sizeof(T);
    return cost;
  }
  std::int64_t saved_bytes() const override { return 0; }

 private:
  std::int64_t count() const { return this->inputs[0].data.count(); }
  ElementwiseForward<T> arguments() {
    return {.function = elementwise::number_of<F>,
            .count = count(),
            .broadcast = broadcast_,
            .columns = columns_,
            .parameter = static_cast<T>(parameter),
            .a = this->inputs[0].data.data(),
            .b = F::inputs == 2 ? this->inputs.back().data.data() : nullptr,
            .y = this->outputs[0].data.data()};
  }

  Broadcast broadcast_;
  std::int64_t columns_;
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
                 elementwise_case<F>("a few", true, {2, 5})}),
   ...);
  return cases;
}

/// Of one function of each kind of loop; the others go through the same.
template <class F> void add_large(std::vector<OpCase>& cases) {
  cases.push_back(elementwise_case<F>("gates of a step", false, {17, 900}));
  cases.push_back(elementwise_case<F>("several chunks", false, {37, 1001}));
}

template <class F> void add_broadcast(std::vector<OpCase>& cases) {
  constexpr Broadcast row = Broadcast::row, column = Broadcast::column;
  cases.push_back(elementwise_case<F>("a row", true, {3, 4, false, row}));
  cases.push_back(elementwise_case<F>("a column", true, {3, 4, false, column}));
}

}  // namespace

std::vector<OpCase> elementwise_cases() {
  constexpr Broadcast row = Broadcast::row, column = Broadcast::column;
  std::vector<OpCase> cases = cases_of(elementwise::Functions{});
  add_large<Add>(cases);
  add_large<Multiply>(cases);
  add_large<Tanh>(cases);
  add_large<InverseSquareRoot>(cases);
  add_large<SquaredHinge>(cases);
  cases.push_back(elementwise_case<GeluTanh>("several chunks", false, {38, 1001}));
  cases.push_back(elementwise_case<Gelu>("feed-forward of a batch", false, {23, 200}));
  cases.push_back(elementwise_case<Relu>("feed-forward of a batch", false, {230, 50}));
  cases.push_back(elementwise_case<Multiply>("a mask", true, {3, 4, true}));
  cases.push_back(elementwise_case<Multiply>("a mask of a batch", false, {34, 300, true}));
  add_broadcast<Add>(cases);
  add_broadcast<Multiply>(cases);
  add_broadcast<Subtract>(cases);
  add_broadcast<SquaredError>(cases);
  add_broadcast<BinaryCrossEntropy>(cases);
  add_broadcast<SquaredHinge>(cases);
  cases.push_back(elementwise_case<Multiply>("a row of one element", true, {5, 1, false, row}));
  cases.push_back(elementwise_case<Multiply>("a column of one element", true, {1, 5, false, column}));
  cases.push_back(elementwise_case<Multiply>("a row for no rows", false, {0, 4, false, row}));
  cases.push_back(elementwise_case<Multiply>("a column for no rows", false, {0, 4, false, column}));
  cases.push_back(elementwise_case<Add>("a bias of a batch", false, {230, 50, false, row}));
  cases.push_back(elementwise_case<Multiply>("a flag a row", false, {71, 301, false, column}));
  cases.push_back(elementwise_case<Multiply>("a row wider than a chunk", false, {3, 1500, false, row}));
  return cases;
}

}  // namespace ethreed
