// What is special about the Gaussian latent; the table test holds it against its reference and its gradients against
// finite differences.
#include "kernels/common/operation.h"
#include "kernels/gaussian_latent/gaussian_latent.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

using namespace ethreed;

namespace {

template <class T> using Numbers = std::vector<T>;

/// One row of latents, with cotangents 1. An empty posterior, or no noise, is not there. Outputs and gradients start as
/// NaN.
template <class T> struct Latent {
  Numbers<T> mean_p, raw_p, mean_q, raw_q, noise;
  Numbers<T> z, dz, dmean_p, draw_p, dmean_q, draw_q;
  T kl = 0, dkl = 1;

  Latent(Numbers<T> mean_p_, Numbers<T> raw_p_, Numbers<T> mean_q_, Numbers<T> raw_q_, Numbers<T> noise_ = {})
      : mean_p(std::move(mean_p_)),
        raw_p(std::move(raw_p_)),
        mean_q(std::move(mean_q_)),
        raw_q(std::move(raw_q_)),
        noise(std::move(noise_)),
        dz(mean_p.size(), T{1}) {
    for (Numbers<T>* out : {&z, &dmean_p, &draw_p, &dmean_q, &draw_q})
      out->assign(mean_p.size(), std::numeric_limits<T>::quiet_NaN());
  }

  /// Which cotangents there are.
  void run(bool of_z = true, bool of_kl = true) {
    Runtime runtime;
    Context context = runtime.context();
    const bool posterior = !mean_q.empty();
    const GaussianLatentForward<T> args{.rows = 1,
                                        .columns = count_of(mean_p),
                                        .mean_p = mean_p.data(),
                                        .raw_p = raw_p.data(),
                                        .mean_q = posterior ? mean_q.data() : nullptr,
                                        .raw_q = posterior ? raw_q.data() : nullptr,
                                        .noise = noise.empty() ? nullptr : noise.data(),
                                        .z = z.data(),
                                        .kl = &kl};
    gaussian_latent_forward(context, args);
    gaussian_latent_backward<T>(context, {.forward = args,
                                          .dz = of_z ? dz.data() : nullptr,
                                          .dkl = of_kl ? &dkl : nullptr,
                                          .dmean_p = {dmean_p.data()},
                                          .draw_p = {draw_p.data()},
                                          .dmean_q = {posterior ? dmean_q.data() : nullptr},
                                          .draw_q = {posterior ? draw_q.data() : nullptr}});
  }
};

long double exact_variance(long double raw) {
  const long double softplus = raw > 0 ? raw + std::log1p(std::exp(-raw)) : std::log1p(std::exp(raw));
  return std::max(0.1L * softplus, 1e-8L);
}

template <class T> bool all_finite(const Numbers<T>& numbers) {
  return std::all_of(numbers.begin(), numbers.end(), [](T x) { return std::isfinite(x); });
}

template <class T> Numbers<T> zeros(std::size_t n) { return Numbers<T>(n, T{0}); }

}  // namespace

TEMPLATE_TEST_CASE("gaussian_latent: the variance is a tenth of softplus for any number, and never below 1e-8", "",
                   float, double) {
  const auto tolerance = static_cast<double>(8 * std::numeric_limits<TestType>::epsilon());
  Numbers<TestType> raw;
  for (const double x : {-1e30, -1000.0, -100.0, -50.0, -16.2, -16.0, -10.0, -1.0, 0.0, 1.0, 15.0, 50.0, 100.0, 1e4})
    raw.push_back(static_cast<TestType>(x));
  const std::size_t n = raw.size();
  Latent<TestType> latent(zeros<TestType>(n), raw, {}, {}, Numbers<TestType>(n, TestType{1}));
  latent.run();
  for (std::size_t i = 0; i < n; ++i) {
    const auto want = static_cast<double>(std::sqrt(exact_variance(static_cast<long double>(raw[i]))));
    CHECK(static_cast<double>(latent.z[i]) == Approx(want).epsilon(tolerance).margin(0));
    if (raw[i] < TestType(-16.1)) CHECK(static_cast<double>(latent.z[i]) == Approx(1e-4).epsilon(tolerance));
  }
  CHECK(all_finite(latent.draw_p));
  CHECK(latent.draw_p.back() > 0);
}

TEMPLATE_TEST_CASE("gaussian_latent: a variance at its least has no gradient, on the other side of the kink it has one",
                   "", float, double) {
  // log(e^{1e-7} − 1) = −16.118
  const Numbers<TestType> at{TestType(-16.2), TestType(-16.0), TestType(-40)}, mean{0, 0, 0}, moved{1, 1, 1};
  Latent<TestType> latent(mean, at, moved, {at[0], at[1], TestType(-1000)}, {1, 1, 1});
  latent.run();
  for (const std::size_t i : {0U, 2U}) {
    CHECK(latent.draw_p[i] == 0);
    CHECK(latent.draw_q[i] == 0);
    CHECK(static_cast<double>(latent.dmean_p[i]) == Approx(-1e8));  // the means' do not stop there
    CHECK(static_cast<double>(latent.dmean_q[i]) == Approx(1 + 1e8));
  }
  // v' = 0.1·σ(−16) is v itself to seven digits, so that dz ε v'/(2√v) = √v/2.
  CHECK(static_cast<double>(latent.draw_q[1]) == Approx(std::sqrt(0.1 * std::exp(-16.0)) / 2).epsilon(1e-5));
  CHECK(static_cast<double>(latent.draw_p[1]) == Approx(-0.5 / (0.1 * std::exp(-16.0))).epsilon(1e-5));
  Latent<TestType> drawn(mean, at, {}, {}, {1, 1, 1});
  drawn.run();
  CHECK(drawn.draw_p[0] == 0);
  CHECK(drawn.draw_p[1] > 0);
  CHECK(drawn.draw_p[2] == 0);
}

TEMPLATE_TEST_CASE("gaussian_latent: equal distributions have divergence 0, exactly, and no gradient of it", "", float,
                   double) {
  const Numbers<TestType> mean{1, TestType(-0.3), 7, 0}, raw{0, 3, -5, -100};
  Latent<TestType> latent(mean, raw, mean, raw, {1, -2, 0, 1});
  latent.run(false, true);
  CHECK(latent.kl == 0);
  for (const auto* gradient : {&latent.dmean_p, &latent.draw_p, &latent.dmean_q, &latent.draw_q})
    CHECK(*gradient == zeros<TestType>(4));
}

TEMPLATE_TEST_CASE("gaussian_latent: z depends on the posterior alone", "", float, double) {
  Latent<TestType> latent({1, 2}, {0, 1}, {3, 4}, {-1, 2}, {1, TestType(-0.5)}), other = latent;
  other.mean_p = {-5, 9};
  other.raw_p = {4, -20};
  latent.run(true, false);
  other.run(true, false);
  CHECK(latent.z == other.z);
  CHECK(latent.kl != other.kl);
  CHECK(latent.dmean_p == zeros<TestType>(2));
  CHECK(latent.draw_p == zeros<TestType>(2));
  CHECK(latent.dmean_q == Numbers<TestType>{1, 1});
  CHECK(latent.draw_q[0] > 0);
  CHECK(latent.draw_q[1] < 0);
}

TEMPLATE_TEST_CASE("gaussian_latent: without a posterior the prior takes its place, to the bit, and KL is 0", "", float,
                   double) {
  const Numbers<TestType> mean{1, -2, 0}, raw{0, 2, -30}, noise{1, TestType(0.3), -1};
  Latent<TestType> drawn(mean, raw, {}, {}, noise), twice(mean, raw, mean, raw, noise);
  drawn.kl = 7;
  drawn.run();
  twice.run();
  CHECK(drawn.z == twice.z);
  CHECK(drawn.kl == 0);
  CHECK(drawn.dmean_p == twice.dmean_q);
  CHECK(drawn.draw_p == twice.draw_q);
}

TEMPLATE_TEST_CASE("gaussian_latent: without noise z is the mean, to the bit", "", float, double) {
  Latent<TestType> posterior({1, 2}, {0, 1}, {TestType(0.1), 4}, {-1, 2}), prior({TestType(0.7), 2}, {0, 1}, {}, {});
  posterior.run();
  prior.run();
  CHECK(posterior.z == posterior.mean_q);
  CHECK(prior.z == prior.mean_p);
  CHECK(prior.draw_p == zeros<TestType>(2));
}

TEMPLATE_TEST_CASE("gaussian_latent: the divergence keeps its digits where variances are close or far apart", "", float,
                   double) {
  const auto tolerance = static_cast<double>(32 * std::numeric_limits<TestType>::epsilon());
  const auto check = [&](double raw_p, double raw_q, double relative) {
    const auto p = static_cast<TestType>(raw_p), q = static_cast<TestType>(raw_q);
    Latent<TestType> latent({0}, {p}, {0}, {q});
    latent.run();
    const long double ratio = exact_variance(static_cast<long double>(q)) / exact_variance(static_cast<long double>(p));
    const auto want = static_cast<double>((ratio - 1 - std::log(ratio)) / 2);
    CHECK(static_cast<double>(latent.kl) == Approx(want).epsilon(relative).margin(0));
  };
  check(0, -200, tolerance);  // v_q/v_p = 1.4e-7
  check(-200, 0, tolerance);
  check(80, -200, tolerance);
  check(1, 0.5, tolerance);
  check(1, 1.0625, 32 * tolerance);  // excess 0.04: half of the digits of excess are what is left of it
  check(1, 0.9375, 32 * tolerance);
}

TEMPLATE_TEST_CASE("gaussian_latent: a NaN in any input shows", "", float, double) {
  const TestType not_a_number = std::numeric_limits<TestType>::quiet_NaN();
  const Latent<TestType> fine({1, 2}, {0, 1}, {3, 4}, {-1, 2}, {1, 1});
  for (const auto member :
       {&Latent<TestType>::mean_p, &Latent<TestType>::raw_p, &Latent<TestType>::mean_q, &Latent<TestType>::raw_q}) {
    Latent<TestType> broken = fine;
    (broken.*member)[1] = not_a_number;
    broken.run();
    CHECK(std::isnan(broken.kl));
    CHECK(std::isfinite(broken.z[0]));
  }
  Latent<TestType> drawn({1}, {not_a_number}, {}, {}, {1});
  drawn.run();
  CHECK(std::isnan(drawn.z[0]));
}
