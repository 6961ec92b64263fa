#include "kernels/common/operation.h"
#include "kernels/policy_divergence/policy_divergence.h"

#include <cmath>

namespace ethreed {

namespace {

/// q_logits are N(offset, 1); p_logits the same, or q_logits with a little noise where `close`.
struct DivergenceSetting {
  int rows, classes;
  double offset = 0.0;
  bool close = false;
};

template <class T> class PolicyDivergenceProblem final : public OpProblem<T> {
 public:
  PolicyDivergenceProblem(const DivergenceSetting& s, std::uint64_t seed) : rows_(s.rows), classes_(s.classes) {
    this->inputs.push_back({"q_logits", random_tensor<T>({rows_, classes_}, seed, 0)});
    this->inputs.push_back({"p_logits", random_tensor<T>({rows_, classes_}, seed, 1, s.close ? 0.3 : 1.0)});
    std::span<T> q = this->inputs[0].data.span(), p = this->inputs[1].data.span();
    for (std::size_t i = 0; i < q.size(); ++i) {
      q[i] += static_cast<T>(s.offset);
      p[i] += s.close ? q[i] : static_cast<T>(s.offset);
    }
    this->outputs.push_back({"kl", Tensor<T>({rows_})});
    q_lse_ = Tensor<math::LogSumExp<T>>({rows_});
    p_lse_ = Tensor<math::LogSumExp<T>>({rows_});
  }

  void move_to(MemorySource& memory) override {
    OpProblem<T>::move_to(memory);
    q_lse_ = q_lse_.clone(memory);
    p_lse_ = p_lse_.clone(memory);
  }

  void forward(Context& context) override { policy_divergence_forward(context, arguments()); }

  void backward(Context& context, std::span<const T* const> cotangents,
                std::span<const GradientSink<T>> gradients) override {
    policy_divergence_backward<T>(
        context, {.forward = arguments(), .dkl = cotangents[0], .dq_logits = gradients[0], .dp_logits = gradients[1]});
  }

  /// In long double probabilities, which hold e^{−11000}.
  std::vector<std::vector<double>> reference() const override {
    std::vector<double> kl;
    for (int i = 0; i < rows_; ++i) {
      const auto probabilities = [&](std::size_t input) {
        std::vector<long double> p;
        long double sum = 0;
        for (int k = 0; k < classes_; ++k) {
          p.push_back(std::exp(static_cast<long double>(this->inputs[input].data[std::int64_t{i} * classes_ + k])));
          sum += p.back();
        }
        for (long double& value : p) value /= sum;
        return p;
      };
      const std::vector<long double> q = probabilities(0), p = probabilities(1);
      long double sum = 0;
      for (std::size_t k = 0; k < q.size(); ++k) sum += q[k] * std::log(q[k] / p[k]);
      kl.push_back(static_cast<double>(sum));
    }
    return {kl};
  }

  Cost cost() const override {
    const double rows = rows_, elements = rows * classes_;
    return {.forward_flops = 14 * elements,
            .backward_flops = 19 * elements,
            .forward_bytes = (2 * elements + 5 * rows) * sizeof(T),
            .backward_bytes = (4 * elements + 6 * rows) * sizeof(T),
            .saved_bytes = 4 * rows_ * static_cast<std::int64_t>(sizeof(T)),
            .workspace_bytes = 0};
  }
  std::int64_t saved_bytes() const override {
    return (q_lse_.count() + p_lse_.count()) * static_cast<std::int64_t>(sizeof(math::LogSumExp<T>));
  }

 private:
  PolicyDivergenceForward<T> arguments() {
    return {.rows = rows_,
            .classes = classes_,
            .q_logits = this->inputs[0].data.data(),
            .p_logits = this->inputs[1].data.data(),
            .kl = this->outputs[0].data.data(),
            .q_lse = q_lse_.data(),
            .p_lse = p_lse_.data()};
  }

  int rows_;
  int classes_;
  Tensor<math::LogSumExp<T>> q_lse_;
  Tensor<math::LogSumExp<T>> p_lse_;
};

OpCase divergence_case(std::string name, bool tiny, DivergenceSetting setting) {
  return make_case(std::move(name), tiny, [setting]<class T>(std::uint64_t seed) {
    return std::make_unique<PolicyDivergenceProblem<T>>(setting, seed);
  });
}

}  // namespace

std::vector<OpCase> policy_divergence_cases() {
  return {
      divergence_case("one class", true, {1, 1}),
      divergence_case("three rows", true, {3, 5}),
      divergence_case("q close to p", true, {2, 4, 0.0, true}),
      divergence_case("logits far from 0", true, {3, 6, -20.0}),
      divergence_case("emotions of a batch", false, {17, 32}),
  };
}

}  // namespace ethreed
