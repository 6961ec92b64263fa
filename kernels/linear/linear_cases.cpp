#include "kernels/common/operation.h"
#include "kernels/linear/linear.h"

#include <cmath>

namespace ethreed {

namespace {

struct LinearShape {
  int rows, out;
  std::vector<int> columns;
  bool bias;
  Activation activation;
};

template <class T> class LinearProblem final : public OpProblem<T> {
 public:
  LinearProblem(const LinearShape& shape, std::uint64_t seed) : shape_(shape) {
    for (std::size_t p = 0; p < shape.columns.size(); ++p) {
      in_ += shape.columns[p];
      this->inputs.push_back({"x" + std::to_string(p), random_tensor<T>({shape.rows, shape.columns[p]}, seed, p)});
    }
    this->inputs.push_back({"weight", random_tensor<T>({shape.out, in_}, seed, 10, 1.0 / std::sqrt(in_))});
    if (shape.bias) this->inputs.push_back({"bias", random_tensor<T>({shape.out}, seed, 11)});
    this->outputs.push_back({"y", Tensor<T>({shape.rows, shape.out})});
    if (shape.activation == Activation::gelu) z_ = Tensor<T>({shape.rows, shape.out});
  }

  void move_to(MemorySource& memory) override {
    OpProblem<T>::move_to(memory);
    z_ = z_.clone(memory);
  }

  void forward(Context& context) override { linear_forward(context, arguments()); }

  void backward(Context& context, std::span<const T* const> cotangents,
                std::span<const GradientSink<T>> gradients) override {
    LinearBackward<T> args{.forward = arguments(), .dy = cotangents[0]};
    const std::size_t parts = shape_.columns.size();
    for (std::size_t p = 0; p < parts; ++p) args.dx[p] = gradients[p];
    args.dweight = gradients[parts];
    if (shape_.bias) args.dbias = gradients[parts + 1];
    linear_backward(context, args);
  }

  std::vector<std::vector<double>> reference() const override {
    const std::size_t parts = shape_.columns.size();
    std::vector<double> y;
    for (int i = 0; i < shape_.rows; ++i)
      for (int o = 0; o < shape_.out; ++o) {
        double sum = shape_.bias ? static_cast<double>(this->inputs[parts + 1].data[o]) : 0.0;
        int column = 0;
        for (std::size_t p = 0; p < parts; ++p)
          for (int k = 0; k < shape_.columns[p]; ++k, ++column)
            sum += static_cast<double>(this->inputs[p].data[std::int64_t{i} * shape_.columns[p] + k]) *
                   static_cast<double>(this->inputs[parts].data[std::int64_t{o} * in_ + column]);
        y.push_back(activated(sum));
      }
    return {y};
  }

  Cost cost() const override {
    const double rows = shape_.rows, out = shape_.out, in = in_;
    const double operands = rows * in + out * in, bias = shape_.bias ? out : 0;
    const bool plain = shape_.activation == Activation::none, gelu = shape_.activation == Activation::gelu;
    const auto dz = std::int64_t{shape_.rows} * shape_.out * static_cast<std::int64_t>(sizeof(T));
    return {.forward_flops = 2 * rows * out * in,
            .backward_flops = 4 * rows * out * in,
            .forward_bytes = (operands + (gelu ? 2 : 1) * rows * out + bias) * sizeof(T),
            .backward_bytes = (2 * operands + (plain ? 1 : 2) * rows * out + bias) * sizeof(T),
            .saved_bytes = gelu ? dz : 0,
            .workspace_bytes = plain ? 0 : (dz + 63) / 64 * 64};
  }
  std::int64_t saved_bytes() const override { return z_.count() * static_cast<std::int64_t>(sizeof(T)); }

 private:
  double activated(double z) const {
    switch (shape_.activation) {
      case Activation::none: break;
      case Activation::tanh: return std::tanh(z);
      case Activation::gelu: return 0.5 * z * std::erfc(-z / std::sqrt(2.0));
    }
    return z;
  }
  LinearForward<T> arguments() {
    const std::size_t parts = shape_.columns.size();
    LinearForward<T> args{.rows = shape_.rows, .out = shape_.out, .parts = static_cast<int>(parts)};
    for (std::size_t p = 0; p < parts; ++p) {
      args.columns[p] = shape_.columns[p];
      args.x[p] = this->inputs[p].data.data();
    }
    args.weight = this->inputs[parts].data.data();
    args.bias = shape_.bias ? this->inputs[parts + 1].data.data() : nullptr;
    args.activation = shape_.activation;
    args.y = this->outputs[0].data.data();
    args.z = z_.data();
    return args;
  }

  LinearShape shape_;
  Tensor<T> z_;
  int in_ = 0;
};

OpCase linear_case(std::string name, bool tiny, LinearShape shape) {
  return make_case(std::move(name), tiny,
                   [shape]<class T>(std::uint64_t seed) { return std::make_unique<LinearProblem<T>>(shape, seed); });
}

}  // namespace

std::vector<OpCase> linear_cases() {
  return {
      linear_case("one element", true, {1, 1, {1}, true, Activation::none}),
      linear_case("three parts, tanh", true, {3, 5, {2, 3, 1}, true, Activation::tanh}),
      linear_case("no bias", true, {4, 3, {5}, false, Activation::none}),
      linear_case("one output, two parts, tanh", true, {4, 1, {3, 2}, true, Activation::tanh}),
      linear_case("two parts, GELU", true, {3, 5, {2, 4}, true, Activation::gelu}),
      linear_case("one output, GELU, no bias", true, {4, 1, {3}, false, Activation::gelu}),
      linear_case("pointer", false, {238, 1, {600, 300, 300}, true, Activation::none}),
      linear_case("bottleneck", false, {238, 300, {300, 600, 300}, true, Activation::none}),
      linear_case("policy state", false, {17, 300, {300}, true, Activation::tanh}),
      linear_case("transformer's inner layer, GELU", false, {75, 391, {130}, true, Activation::gelu}),
      linear_case("vocabulary", false, {238, 8209, {300}, true, Activation::none}),
  };
}

}  // namespace ethreed
