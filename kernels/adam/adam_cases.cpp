#include "kernels/adam/adam.h"
#include "kernels/common/operation.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace ethreed {

namespace {

struct AdamSetting {
  int count;
  std::int64_t step;
  double gradient_scale = 1.0;
  double gradient_deviation = 1.0;
  bool fresh = false;  ///< moments of zero
  double norm = -1;    ///< handed to the kernel as gradient_norm, unless negative
  double loss = 1;     ///< handed to the kernel with the norm
  double weight_decay = 0;
};

template <class T> class AdamProblem final : public OpProblem<T> {
 public:
  AdamProblem(const AdamSetting& setting, std::uint64_t seed) : setting_(setting) {
    const Shape shape{setting.count};
    const double deviation = setting.gradient_deviation;
    this->inputs.push_back({"parameters", random_tensor<T>(shape, seed, 0), false});
    this->inputs.push_back({"gradients", random_tensor<T>(shape, seed, 1, deviation), false});
    this->inputs.push_back({"m", random_tensor<T>(shape, seed, 2, setting.fresh ? 0 : 0.1 * deviation), false});
    this->inputs.push_back({"v", random_tensor<T>(shape, seed, 3, setting.fresh ? 0 : deviation), false});
    for (T& v : this->inputs[3].data.span()) v *= v;  // a mean of squares
    norm_[0] = setting.norm;
    loss_[0] = static_cast<T>(setting.loss);
    for (const char* name : {"parameters", "m", "v"}) this->outputs.push_back({name, Tensor<T>(shape), false});
  }

  void move_to(MemorySource& memory) override {
    OpProblem<T>::move_to(memory);
    norm_ = norm_.clone(memory);
    loss_ = loss_.clone(memory);
  }

  /// The kernel updates in place; it is given copies so that it can run again.
  void forward(Context& context) override {
    if (!context.on_host()) context.runtime->synchronize();
    const Operand<T>* from[] = {&this->inputs[0], &this->inputs[2], &this->inputs[3]};
    for (std::size_t i = 0; i < 3; ++i) std::copy_n(from[i]->data.data(), setting_.count, this->outputs[i].data.data());
    adam_update<T>(context, {.count = setting_.count,
                             .step = setting_.step,
                             .weight_decay = setting_.weight_decay,
                             .gradient_scale = setting_.gradient_scale,
                             .clip_norm = clip_norm,
                             .gradient_norm = has_norm() ? norm_.data() : nullptr,
                             .loss = has_norm() ? loss_.data() : nullptr,
                             .parameters = this->outputs[0].data.data(),
                             .gradients = this->inputs[1].data.data(),
                             .m = this->outputs[1].data.data(),
                             .v = this->outputs[2].data.data()});
  }
  void backward(Context&, std::span<const T* const>, std::span<const GradientSink<T>>) override {
    fail("adam: has no backward");
  }

  std::vector<std::vector<double>> reference() const override {
    const double lr = 5e-4, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
    const bool good = !has_norm() || (std::isfinite(setting_.norm) && std::isfinite(setting_.loss));
    const double clip = has_norm() ? std::min(1.0, clip_norm / (setting_.norm + 1e-6)) : 1.0;
    std::vector<std::vector<double>> out(3);
    for (int i = 0; i < setting_.count; ++i) {
      const auto in = [&](std::size_t operand) { return static_cast<double>(this->inputs[operand].data[i]); };
      if (!good) {
        out[0].push_back(in(0));
        out[1].push_back(in(2));
        out[2].push_back(in(3));
        continue;
      }
      const double g = setting_.gradient_scale * clip * in(1);
      const double m = beta1 * in(2) + (1 - beta1) * g;
      const double v = beta2 * in(3) + (1 - beta2) * g * g;
      const double m_hat = m / (1 - std::pow(beta1, setting_.step));
      const double v_hat = v / (1 - std::pow(beta2, setting_.step));
      out[0].push_back(in(0) - lr * (m_hat / (std::sqrt(v_hat) + epsilon) + setting_.weight_decay * in(0)));
      out[1].push_back(m);
      out[2].push_back(v);
    }
    return out;
  }

  Cost cost() const override {
    const bool norm_stops = has_norm() && !std::isfinite(setting_.norm);
    const bool loss_stops = has_norm() && !std::isfinite(setting_.loss);
    const double updated = norm_stops || loss_stops ? 0 : setting_.count;
    const double scalars = has_norm() ? 8 + (norm_stops ? 0 : sizeof(T)) : 0;
    return {.forward_flops = (setting_.weight_decay == 0 ? 14 : 16) * updated,
            .forward_bytes = 7.0 * updated * sizeof(T) + scalars};
  }
  std::int64_t saved_bytes() const override { return 0; }

 private:
  static constexpr double clip_norm = 1.5;
  bool has_norm() const { return !(setting_.norm < 0); }

  AdamSetting setting_;
  Tensor<double> norm_{Shape{1}};
  Tensor<T> loss_{Shape{1}};
};

OpCase adam_case(std::string name, bool tiny, AdamSetting setting) {
  return make_case(std::move(name), tiny,
                   [setting]<class T>(std::uint64_t seed) { return std::make_unique<AdamProblem<T>>(setting, seed); });
}

}  // namespace

std::vector<OpCase> adam_cases() {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
  return {
      adam_case("first step", true, {.count = 5, .step = 1, .fresh = true}),
      adam_case("a gradient of zero from the start", true,
                {.count = 3, .step = 1, .gradient_deviation = 0, .fresh = true}),
      adam_case("clipped", true, {.count = 7, .step = 12, .gradient_scale = 0.25}),
      adam_case("clipped by a norm", true, {.count = 9, .step = 12, .gradient_scale = 0.5, .norm = 6}),
      adam_case("a norm that clips nothing", true, {.count = 6, .step = 2, .norm = 0.5}),
      adam_case("a norm of NaN", true, {.count = 9, .step = 4, .norm = not_a_number}),
      adam_case("an infinite loss", true, {.count = 9, .step = 4, .norm = 1, .loss = -infinity}),
      adam_case("gradients below epsilon", true, {.count = 7, .step = 3, .gradient_deviation = 1e-10}),
      adam_case("several chunks", false, {.count = 200'003, .step = 1000}),
      adam_case("decayed weights", true, {.count = 9, .step = 3, .weight_decay = 0.1}),
      adam_case("decay alone, without a gradient", true,
                {.count = 5, .step = 1, .gradient_deviation = 0, .fresh = true, .weight_decay = 2.0}),
      adam_case("decayed weights, clipped by a norm", true, {.count = 9, .step = 12, .norm = 6, .weight_decay = 20.0}),
      adam_case("decayed weights and a norm of NaN", true,
                {.count = 9, .step = 4, .norm = not_a_number, .weight_decay = 0.1}),
      adam_case("decayed weights, several chunks", false, {.count = 200'003, .step = 1000, .weight_decay = 0.01}),
  };
}

}  // namespace ethreed
