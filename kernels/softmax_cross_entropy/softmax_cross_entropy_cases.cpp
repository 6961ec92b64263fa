#include "kernels/common/operation.h"
#include "kernels/softmax_cross_entropy/softmax_cross_entropy.h"

#include <algorithm>
#include <cmath>

namespace ethreed {

namespace {

template <class T> class SoftmaxCrossEntropyProblem final : public OpProblem<T> {
 public:
  SoftmaxCrossEntropyProblem(int classes, std::vector<std::int32_t> labels, double offset, std::uint64_t seed)
      : rows_(count_of(labels)), classes_(classes), labels_(std::move(labels)) {
    this->inputs.push_back({"logits", random_tensor<T>({rows_, classes_}, seed, 0)});
    for (T& logit : this->inputs[0].data.span()) logit += static_cast<T>(offset);
    this->outputs.push_back({"nll", Tensor<T>({rows_})});
    lse_ = Tensor<math::LogSumExp<T>>({rows_});
  }

  void move_to(MemorySource& memory) override {
    OpProblem<T>::move_to(memory);
    lse_ = lse_.clone(memory);
  }

  void forward(Context& context) override { softmax_cross_entropy_forward(context, arguments()); }

  void backward(Context& context, std::span<const T* const> cotangents,
                std::span<const GradientSink<T>> gradients) override {
    softmax_cross_entropy_backward<T>(context,
                                      {.forward = arguments(), .dnll = cotangents[0], .dlogits = gradients[0]});
  }

  std::vector<std::vector<double>> reference() const override {
    std::vector<double> nll;
    for (int i = 0; i < rows_; ++i) {
      const std::int32_t label = labels_[i];
      const auto logit = [&](int k) {
        return static_cast<double>(this->inputs[0].data[std::int64_t{i} * classes_ + k]);
      };
      double high = -INFINITY, sum = 0;
      for (int k = 0; k < classes_; ++k) high = std::max(high, logit(k));
      for (int k = 0; k < classes_; ++k) sum += std::exp(logit(k) - high);
      nll.push_back(label < 0 ? 0.0 : high + std::log(sum) - logit(label));
    }
    return {nll};
  }

  Cost cost() const override {
    const double rows = rows_, elements = rows * classes_;
    const double labelled = (rows - static_cast<double>(std::count(labels_.begin(), labels_.end(), -1))) * classes_;
    return {.forward_flops = 3 * labelled,
            .backward_flops = 5 * labelled,
            .forward_bytes = (labelled + 3 * rows) * sizeof(T) + 4 * rows,
            .backward_bytes = (elements + labelled + 3 * rows) * sizeof(T) + 4 * rows,
            .saved_bytes = 2 * rows_ * static_cast<std::int64_t>(sizeof(T)),
            .workspace_bytes = 0};
  }
  std::int64_t saved_bytes() const override {
    return lse_.count() * static_cast<std::int64_t>(sizeof(math::LogSumExp<T>));
  }

 private:
  SoftmaxCrossEntropyForward<T> arguments() {
    return {.rows = rows_,
            .classes = classes_,
            .logits = this->inputs[0].data.data(),
            .labels = labels_.data(),
            .nll = this->outputs[0].data.data(),
            .lse = lse_.data()};
  }

  int rows_;
  int classes_;
  std::vector<std::int32_t> labels_;
  Tensor<math::LogSumExp<T>> lse_;
};

OpCase softmax_case(std::string name, bool tiny, int classes, std::vector<std::int32_t> labels, double offset = 0.0) {
  return make_case(std::move(name), tiny, [=]<class T>(std::uint64_t seed) {
    return std::make_unique<SoftmaxCrossEntropyProblem<T>>(classes, labels, offset, seed);
  });
}

}  // namespace

std::vector<OpCase> softmax_cross_entropy_cases() {
  std::vector<std::int32_t> labels;  // 17 turns, 32 emotions, some listeners without a label
  for (int i = 0; i < 17; ++i) labels.push_back(i % 5 == 4 ? -1 : i * 11 % 32);
  return {
      softmax_case("one class", true, 1, {0}),
      softmax_case("some rows without a label", true, 5, {2, -1, 0, 4}),
      softmax_case("no label at all", true, 3, {-1, -1}),
      softmax_case("large logits", true, 19, {3, 18, 0}, 200.0),
      softmax_case("emotions of a batch", false, 32, labels),
  };
}

}  // namespace ethreed
