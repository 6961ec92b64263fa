#include "kernels/common/operation.h"
#include "kernels/loss_sum/loss_sum.h"

#include <algorithm>

namespace ethreed {

namespace {

struct TermShape {
  int count;
  double scale = 1.0;
  double weight = 1.0;
};

template <class T> class LossSumProblem final : public OpProblem<T> {
 public:
  LossSumProblem(std::vector<TermShape> terms, std::uint64_t seed) : terms_(std::move(terms)) {
    for (std::size_t k = 0; k < terms_.size(); ++k)
      this->inputs.push_back({"x" + std::to_string(k), random_tensor<T>({terms_[k].count}, seed, k)});
    this->outputs.push_back({"y", Tensor<T>({static_cast<std::int64_t>(terms_.size()) + 1})});
  }

  void forward(Context& context) override { loss_sum_forward(context, arguments()); }

  void backward(Context& context, std::span<const T* const> cotangents,
                std::span<const GradientSink<T>> gradients) override {
    LossSumBackward<T> args{.forward = arguments(), .dtotal = cotangents[0] + terms_.size()};
    std::copy(gradients.begin(), gradients.end(), args.dx.begin());
    for (std::size_t k = 0; k < gradients.size(); ++k) args.dy[k] = cotangents[0] + k;
    loss_sum_backward(context, args);
  }

  std::vector<std::vector<double>> reference() const override {
    std::vector<double> y;
    double total = 0;
    for (std::size_t k = 0; k < terms_.size(); ++k) {
      double sum = 0;
      for (const T x : this->inputs[k].data.span()) sum += static_cast<double>(x);
      y.push_back(terms_[k].scale * sum);
      total += terms_[k].weight * y.back();
    }
    y.push_back(total);
    return {y};
  }

  Cost cost() const override {
    double elements = 0, filled = 0;
    for (const TermShape& term : terms_) {
      elements += term.count;
      filled += term.count > 0;
    }
    const auto terms = static_cast<double>(terms_.size());
    return {.forward_flops = elements + 3 * terms,
            .backward_flops = 3 * terms,
            .forward_bytes = (elements + terms + 1) * sizeof(T),
            .backward_bytes = (elements + filled + 1) * sizeof(T)};
  }
  std::int64_t saved_bytes() const override { return 0; }

 private:
  LossSumForward<T> arguments() {
    LossSumForward<T> args{.terms = count_of(terms_), .y = this->outputs[0].data.data()};
    for (std::size_t k = 0; k < terms_.size(); ++k) {
      args.count[k] = terms_[k].count;
      args.scale[k] = terms_[k].scale;
      args.weight[k] = terms_[k].weight;
      args.x[k] = this->inputs[k].data.data();
    }
    return args;
  }

  std::vector<TermShape> terms_;
};

OpCase sum_case(std::string name, bool tiny, std::vector<TermShape> terms) {
  return make_case(std::move(name), tiny,
                   [terms]<class T>(std::uint64_t seed) { return std::make_unique<LossSumProblem<T>>(terms, seed); });
}

}  // namespace

std::vector<OpCase> loss_sum_cases() {
  return {
      sum_case("one element", true, {{1}}),
      sum_case("nothing to add", true, {{0, 0.5}, {2, 0.5}}),
      sum_case("eleven elements", true, {{11, -1.0 / 11, 2.0}}),
      sum_case("a weight of zero", true, {{3, 0.5, 0.0}, {2, -2.0, 0.7}, {4, 0.25, -2.0}}),
      sum_case("eight terms", true,
               {{1, 1, 1}, {2, 2, 2}, {1, 3, 3}, {3, 4, 4}, {1, 5, 5}, {1, 6, 6}, {2, 7, 7}, {1, 8, 8}}),
      sum_case("losses of a batch", false,
               {{17, 1.0 / 17}, {17, 1.0 / 15}, {17, 1.0 / 17}, {238, -1.0 / 238}, {238, 1.0 / 238}}),
      sum_case("thousands of tokens", false, {{4099, -1.0 / 4099}, {33, 1.0 / 33, 0.3}}),
  };
}

}  // namespace ethreed
