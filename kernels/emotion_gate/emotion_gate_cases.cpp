#include "kernels/common/operation.h"
#include "kernels/emotion_gate/emotion_gate.h"

#include <algorithm>
#include <cmath>

namespace ethreed {

namespace {

struct EmotionGateShape {
  std::vector<int> targets;  // of each row
  int state_columns, emotion_columns;
};

template <class T> class EmotionGateProblem final : public OpProblem<T> {
 public:
  EmotionGateProblem(const EmotionGateShape& shape, std::uint64_t seed) : shape_(shape) {
    for (int count : shape.targets) offsets_.push_back(offsets_.back() + count);
    const int rows = count_of(shape.targets), tokens = offsets_.back();
    const int d = shape.state_columns, e = shape.emotion_columns;
    const double scale = 1.0 / std::pow(d, 0.25);  // arguments of tanh of order one
    this->inputs.push_back({"s", random_tensor<T>({tokens, d}, seed, 0, scale)});
    this->inputs.push_back({"key", random_tensor<T>({rows, d}, seed, 1, scale)});
    this->inputs.push_back({"emotion", random_tensor<T>({rows, e}, seed, 2)});
    this->inputs.push_back({"bias", random_tensor<T>({1}, seed, 3, 0.5)});
    this->outputs.push_back({"out", Tensor<T>({tokens, e})});
    gate_ = Tensor<T>({tokens});
  }

  void move_to(MemorySource& memory) override {
    OpProblem<T>::move_to(memory);
    gate_ = gate_.clone(memory);
  }

  void forward(Context& context) override { emotion_gate_forward(context, arguments()); }

  void backward(Context& context, std::span<const T* const> cotangents,
                std::span<const GradientSink<T>> gradients) override {
    emotion_gate_backward<T>(context, {.forward = arguments(),
                                       .dout = cotangents[0],
                                       .ds = gradients[0],
                                       .dkey = gradients[1],
                                       .demotion = gradients[2],
                                       .dbias = gradients[3]});
  }

  std::vector<std::vector<double>> reference() const override {
    const std::int64_t d = shape_.state_columns, e = shape_.emotion_columns;
    const auto input = [&](std::size_t i, std::int64_t at) { return static_cast<double>(this->inputs[i].data[at]); };
    std::vector<double> out;
    std::int64_t token = 0;
    for (std::size_t r = 0; r < shape_.targets.size(); ++r)
      for (int i = 0; i < shape_.targets[r]; ++i, ++token) {
        const auto row = static_cast<std::int64_t>(r);
        double sum = input(3, 0);
        for (std::int64_t k = 0; k < d; ++k) sum += input(0, token * d + k) * input(1, row * d + k);
        for (std::int64_t k = 0; k < e; ++k) out.push_back(std::tanh(sum) * input(2, row * e + k));
      }
    return {out};
  }

  Cost cost() const override {
    const double d = shape_.state_columns, e = shape_.emotion_columns, tokens = offsets_.back();
    const auto rows = static_cast<std::int64_t>(shape_.targets.size());
    const auto n = static_cast<double>(rows);
    const auto read = static_cast<double>(rows - std::count(shape_.targets.begin(), shape_.targets.end(), 0));
    const auto size = static_cast<std::int64_t>(sizeof(T));
    return {.forward_flops = tokens * (2 * d + e),
            .backward_flops = tokens * (3 * d + 4 * e),
            .forward_bytes = (tokens * (d + e + 1) + read * (d + e) + 1) * sizeof(T),
            .backward_bytes = (tokens * (2 * d + e + 1) + (n + read) * (d + e) + 1) * sizeof(T),
            .saved_bytes = offsets_.back() * size,
            .workspace_bytes = ((offsets_.back() + rows) * size + 63) / 64 * 64};
  }
  std::int64_t saved_bytes() const override { return gate_.count() * static_cast<std::int64_t>(sizeof(T)); }

 private:
  EmotionGateForward<T> arguments() {
    return {.target_offsets = offsets_,
            .state_columns = shape_.state_columns,
            .emotion_columns = shape_.emotion_columns,
            .s = this->inputs[0].data.data(),
            .key = this->inputs[1].data.data(),
            .emotion = this->inputs[2].data.data(),
            .bias = this->inputs[3].data.data(),
            .out = this->outputs[0].data.data(),
            .gate = gate_.data()};
  }

  EmotionGateShape shape_;
  std::vector<std::int32_t> offsets_{0};
  Tensor<T> gate_;
};

OpCase gate_case(std::string name, bool tiny, EmotionGateShape shape) {
  return make_case(std::move(name), tiny, [shape]<class T>(std::uint64_t seed) {
    return std::make_unique<EmotionGateProblem<T>>(shape, seed);
  });
}

/// 17 rows of 6 to 22 target tokens, 14 on average.
EmotionGateShape training_batch() {
  EmotionGateShape shape{{}, 300, 300};
  for (int r = 0; r < 17; ++r) shape.targets.push_back(6 + 5 * r % 17);
  return shape;
}

}  // namespace

std::vector<OpCase> emotion_gate_cases() {
  return {
      gate_case("one token, one element", true, {{1}, 1, 1}),
      gate_case("rows of different lengths", true, {{2, 1, 4}, 3, 5}),
      gate_case("a row without targets", true, {{2, 0, 1}, 4, 2}),
      gate_case("training batch", false, training_batch()),
      gate_case("generation step", false, {std::vector<int>(17, 1), 300, 300}),
  };
}

}  // namespace ethreed
