#include "kernels/common/operation.h"
#include "kernels/gaussian_latent/gaussian_latent.h"

#include <algorithm>
#include <cmath>

namespace ethreed {

namespace {

/// Means of the prior are N(0, mean_deviation), the posterior's lie around them with `distance`; raw numbers are
/// N(raw_center, raw_deviation).
struct LatentSetting {
  int rows, columns;
  bool posterior = true, noisy = true;
  double raw_center = 0.0, raw_deviation = 1.0;
  double mean_deviation = 1.0, distance = 1.0;
  bool clamped = false;    // in every other column the prior's variance is at its least, in two of four the posterior's
  bool close = false;      // the posterior's raw numbers are the prior's, moved a little
  bool free_bits = false;  // the least KL lies between those of the rows
};

template <class T> class GaussianLatentProblem final : public OpProblem<T> {
 public:
  GaussianLatentProblem(const LatentSetting& s, std::uint64_t seed) : setting_(s) {
    const Shape shape{s.rows, s.columns};
    const auto raw = [&](std::uint64_t stream) {
      Tensor<T> numbers = random_tensor<T>(shape, seed, stream, s.raw_deviation);
      for (T& x : numbers.span()) x += static_cast<T>(s.raw_center);
      return numbers;
    };
    this->inputs.push_back({"mean_p", random_tensor<T>(shape, seed, 0, s.mean_deviation)});
    this->inputs.push_back({"raw_p", raw(1)});
    if (s.posterior) {
      this->inputs.push_back({"mean_q", random_tensor<T>(shape, seed, 2, s.distance)});
      this->inputs.push_back({"raw_q", s.close ? random_tensor<T>(shape, seed, 3, 0.1) : raw(3)});
      for (std::int64_t i = 0; i < shape.count(); ++i) {
        this->inputs[2].data[i] += this->inputs[0].data[i];
        if (s.close) this->inputs[3].data[i] += this->inputs[1].data[i];
        // The variance leaves its least at raw = −16.1.
        if (s.clamped && i % 2 == 1) this->inputs[1].data[i] = lowered(this->inputs[1].data[i]);
        if (s.clamped && i % 4 >= 2) this->inputs[3].data[i] = lowered(this->inputs[3].data[i]);
      }
    }
    if (s.noisy) this->inputs.push_back({"noise", random_tensor<T>(shape, seed, 4), false});
    this->outputs.push_back({"z", Tensor<T>(shape)});
    this->outputs.push_back({"kl", Tensor<T>({s.rows}), s.posterior});
    if (s.free_bits) {
      const std::vector<double> kl = reference()[1];
      const auto [least, most] = std::minmax_element(kl.begin(), kl.end());
      least_kl_ = (*least + *most) / 2;
    }
  }

  void forward(Context& context) override { gaussian_latent_forward(context, arguments()); }

  void backward(Context& context, std::span<const T* const> cotangents,
                std::span<const GradientSink<T>> gradients) override {
    gaussian_latent_backward<T>(context, {.forward = arguments(),
                                          .dz = cotangents[0],
                                          .dkl = cotangents[1],
                                          .dmean_p = gradients[0],
                                          .draw_p = gradients[1],
                                          .dmean_q = setting_.posterior ? gradients[2] : GradientSink<T>{},
                                          .draw_q = setting_.posterior ? gradients[3] : GradientSink<T>{}});
  }

  /// By the letter of the definitions, in long double.
  std::vector<std::vector<double>> reference() const override {
    std::vector<double> z, kl;
    const std::size_t from = setting_.posterior ? 2 : 0;  // what z is drawn from
    for (int row = 0; row < setting_.rows; ++row) {
      long double sum = 0;
      for (std::int64_t i = std::int64_t{row} * setting_.columns; i < std::int64_t{row + 1} * setting_.columns; ++i) {
        const long double noise = setting_.noisy ? number(this->inputs.size() - 1, i) : 0;
        z.push_back(static_cast<double>(number(from, i) + std::sqrt(variance(from + 1, i)) * noise));
        const long double v_p = variance(1, i), v_q = variance(from + 1, i);
        const long double distance = number(0, i) - number(from, i);
        sum += (v_q / v_p + distance * distance / v_p - 1 + std::log(v_p) - std::log(v_q)) / 2;
      }
      kl.push_back(std::max(static_cast<double>(sum), static_cast<double>(static_cast<T>(least_kl_))));
    }
    return {z, kl};
  }

  Cost cost() const override {
    const double rows = setting_.rows, elements = rows * setting_.columns;
    const bool posterior = setting_.posterior, noisy = setting_.noisy;
    const double unread = noisy ? 0 : posterior ? elements : 2 * elements;
    const bool copied = !posterior && !noisy;
    return {.forward_flops = copied ? 0 : (posterior ? noisy ? 24 : 17 : 6.5) * elements,
            .backward_flops = copied ? 0 : (posterior ? 43 : 14) * elements,
            .forward_bytes = ((posterior ? 6 : 4) * elements + rows - unread) * sizeof(T),
            .backward_bytes =
                ((posterior ? 10 : 5) * elements + (posterior ? rows : 0) + (setting_.free_bits ? rows : 0) - unread) *
                sizeof(T)};
  }
  std::int64_t saved_bytes() const override { return 0; }

 private:
  static T lowered(T raw) { return static_cast<T>(-18.0 + 0.2 * std::sin(10.0 * static_cast<double>(raw))); }

  long double number(std::size_t input, std::int64_t i) const {
    return static_cast<long double>(this->inputs[input].data[i]);
  }
  long double variance(std::size_t input, std::int64_t i) const {
    return std::max(0.1L * std::log1p(std::exp(number(input, i))), 1e-8L);
  }

  GaussianLatentForward<T> arguments() {
    const bool posterior = setting_.posterior;
    return {.rows = setting_.rows,
            .columns = setting_.columns,
            .least_kl = static_cast<T>(least_kl_),
            .mean_p = this->inputs[0].data.data(),
            .raw_p = this->inputs[1].data.data(),
            .mean_q = posterior ? this->inputs[2].data.data() : nullptr,
            .raw_q = posterior ? this->inputs[3].data.data() : nullptr,
            .noise = setting_.noisy ? this->inputs.back().data.data() : nullptr,
            .z = this->outputs[0].data.data(),
            .kl = this->outputs[1].data.data()};
  }

  LatentSetting setting_;
  double least_kl_ = 0;
};

OpCase latent_case(std::string name, bool tiny, LatentSetting setting) {
  return make_case(std::move(name), tiny, [setting]<class T>(std::uint64_t seed) {
    return std::make_unique<GaussianLatentProblem<T>>(setting, seed);
  });
}

}  // namespace

std::vector<OpCase> gaussian_latent_cases() {
  return {
      latent_case("one element", true, {1, 1}),
      latent_case("three rows", true, {3, 5}),
      latent_case("wider than a warp", true, {2, 35}),
      latent_case("posterior close to prior", true, {.rows = 2, .columns = 5, .distance = 0.1, .close = true}),
      latent_case("means of the posterior", true, {.rows = 2, .columns = 4, .noisy = false}),
      latent_case("drawn from the prior", true, {.rows = 3, .columns = 4, .posterior = false}),
      latent_case("means of the prior", true, {.rows = 2, .columns = 3, .posterior = false, .noisy = false}),
      latent_case("large variances", true, {.rows = 2, .columns = 5, .raw_center = 60.0, .raw_deviation = 10.0}),
      latent_case("small variances", true,
                  {.rows = 2, .columns = 5, .raw_center = -9.0, .mean_deviation = 1e-2, .distance = 1e-2}),
      latent_case(
          "variances at their least", true,
          {.rows = 2, .columns = 8, .raw_center = -12.0, .mean_deviation = 1e-3, .distance = 1e-4, .clamped = true}),
      latent_case("free bits", true, {.rows = 6, .columns = 3, .free_bits = true}),
      latent_case("latents of a batch", false, {32, 100}),
      latent_case("latents of a batch, drawn from the prior", false, {.rows = 32, .columns = 100, .posterior = false}),
  };
}

}  // namespace ethreed
