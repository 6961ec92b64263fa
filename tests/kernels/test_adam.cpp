#include "kernels/adam/adam.h"
#include "kernels/common/operation.h"
#include "kernels/device/open_device.h"
#include "kernels/dropout_mask/dropout_mask.h"
#include "kernels/global_norm/global_norm.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

namespace {

using namespace ethreed;

template <class T> double norm_of(Context& context, const Tensor<T>& x) {
  double norm = -1;
  global_norm<T>(context, {.count = x.count(), .x = x.data(), .norm = &norm});
  return norm;
}

constexpr int parameters = 50;

/// A gradient that changes with the parameters, the step and the place; some components die out, some change sign.
double gradient_at(int i, int step, double p) {
  return 0.1 * i * p + std::sin(0.7 * i + 0.3 * step) / (1 + i % 7 * step);
}

/// Algorithm 1 of the paper, element by element, and with `decay` algorithm 2 of Loshchilov and Hutter's.
struct Textbook {
  std::vector<double> p, m, v;
  double lr = 0.01, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, decay = 0;
  void update(const std::vector<double>& g, int t) {
    for (std::size_t i = 0; i < p.size(); ++i) {
      m[i] = beta1 * m[i] + (1 - beta1) * g[i];
      v[i] = beta2 * v[i] + (1 - beta2) * g[i] * g[i];
      const double m_hat = m[i] / (1 - std::pow(beta1, t));
      const double v_hat = v[i] / (1 - std::pow(beta2, t));
      p[i] -= lr * (m_hat / (std::sqrt(v_hat) + epsilon) + decay * p[i]);
    }
  }
};

}  // namespace

TEST_CASE("adam equals the textbook over 100 steps in double, with and without decay of the weights") {
  const double decay = GENERATE(0.0, 0.3);
  Runtime runtime;
  Context context = runtime.context();
  Tensor<double> p = random_tensor<double>({parameters}, 1, 0), g({parameters}), m({parameters}), v({parameters});
  Textbook want{{p.span().begin(), p.span().end()}, std::vector<double>(parameters), std::vector<double>(parameters)};
  want.decay = decay;
  for (int step = 1; step <= 100; ++step) {
    std::vector<double> gradient(parameters);
    for (int i = 0; i < parameters; ++i) {
      g[i] = gradient_at(i, step, p[i]);
      gradient[i] = gradient_at(i, step, want.p[i]);
    }
    adam_update<double>(context, {.count = parameters,
                                  .step = step,
                                  .learning_rate = 0.01,
                                  .weight_decay = decay,
                                  .parameters = p.data(),
                                  .gradients = g.data(),
                                  .m = m.data(),
                                  .v = v.data()});
    want.update(gradient, step);
  }
  for (int i = 0; i < parameters; ++i) {
    CHECK(p[i] == Approx(want.p[i]).epsilon(1e-10));
    CHECK(m[i] == Approx(want.m[i]).epsilon(1e-10).margin(1e-14));
    CHECK(v[i] == Approx(want.v[i]).epsilon(1e-10).margin(1e-14));
  }
}

TEMPLATE_TEST_CASE("moments of adam without a gradient end at zero, never at a denormal number, and p stays as it is",
                   "", float, double) {
  Runtime runtime;
  Context context = runtime.context();
  using T = TestType;
  Tensor<T> p({3}), g({3}), m({3}), v({3});
  p[0] = p[1] = T{0.25};
  p[2] = T{-0.25};
  bool denormal = false;
  T settled = 0;
  const auto step = [&](int t) {
    adam_update<T>(
        context, {.count = 3, .step = t, .parameters = p.data(), .gradients = g.data(), .m = m.data(), .v = v.data()});
    for (const Tensor<T>* x : {&m, &v})
      for (const T value : x->span()) denormal = denormal || std::fpclassify(value) == FP_SUBNORMAL;
  };
  g[0] = static_cast<T>(1e-3);
  g[1] = static_cast<T>(-1e-6);
  g[2] = static_cast<T>(1e-25);  // its square is no float
  step(1);
  std::fill(g.span().begin(), g.span().end(), T{0});
  for (int t = 2; t <= 70'000; ++t) {
    step(t);
    if (t == 500) settled = p[0];
  }
  CHECK_FALSE(denormal);
  CHECK(settled < T{0.25});
  CHECK(static_cast<double>(p[0]) == Approx(static_cast<double>(settled)).epsilon(1e-6));
  for (int i = 0; i < 3; ++i) {
    CHECK(m[i] == 0);
    CHECK(v[i] == 0);
  }
}

TEST_CASE("the first step of adam moves every parameter by the learning rate against its gradient") {
  Runtime runtime;
  Context context = runtime.context();
  Tensor<double> p({4}), g({4}), m({4}), v({4});
  g[0] = 1e-3;
  g[1] = -1e-3;
  g[2] = 1e4;
  adam_update<double>(context, {.count = 4,
                                .step = 1,
                                .learning_rate = 0.01,
                                .parameters = p.data(),
                                .gradients = g.data(),
                                .m = m.data(),
                                .v = v.data()});
  CHECK(p[0] == Approx(-0.01).epsilon(1e-4));
  CHECK(p[1] == Approx(0.01).epsilon(1e-4));
  CHECK(p[2] == Approx(-0.01).epsilon(1e-4));
  CHECK(p[3] == 0);
  CHECK_THROWS_AS(adam_update<double>(context, {.count = 0, .step = 0}), Error);
  CHECK_THROWS_AS(adam_update<double>(context, {.count = 0, .weight_decay = -0.1}), Error);
  CHECK_THROWS_AS(adam_update<double>(context, {.count = 0, .weight_decay = std::nan("")}), Error);
}

namespace {

/// Parameters, m and v after one update of these parameters with the same gradient everywhere; without one, the moments
/// are zero too.
std::array<std::vector<float>, 3> updated(Device device, const std::vector<float>& before, float gradient,
                                          double weight_decay) {
  Runtime runtime(2);
  if (device != Device::cpu) runtime.use(open_device(device, runtime.pool()));
  Context context = runtime.context();
  MemorySource& memory = device == Device::cpu ? host_memory() : runtime.device()->managed();
  const auto count = static_cast<std::int64_t>(before.size());
  Tensor<float> p({count}, memory), g({count}, memory), m({count}, memory), v({count}, memory);
  std::copy(before.begin(), before.end(), p.data());
  std::fill_n(g.data(), count, gradient);
  std::fill_n(m.data(), count, gradient / 2);
  std::fill_n(v.data(), count, gradient == 0 ? 0.0F : 1.0F);
  adam_update<float>(context, {.count = count,
                               .step = 5,
                               .learning_rate = 0.125,
                               .weight_decay = weight_decay,
                               .parameters = p.data(),
                               .gradients = g.data(),
                               .m = m.data(),
                               .v = v.data()});
  if (device != Device::cpu) runtime.device()->synchronize();
  const auto values = [](const Tensor<float>& x) { return std::vector<float>(x.span().begin(), x.span().end()); };
  return {values(p), values(m), values(v)};
}

}  // namespace

TEST_CASE("without decay adam takes no product of the weights: infinity stays, and zero keeps its sign") {
  const float infinity = std::numeric_limits<float>::infinity();
  for (const Device device : {Device::cpu, Device::emulated}) {
    INFO(name_of(device));
    // Five: a group of four and a single one on a device.
    const auto [p, m, v] = updated(device, {-0.0F, 0.0F, infinity, -infinity, -0.0F}, 0.0F, 0.0);
    CHECK(p == std::vector<float>{-0.0F, 0.0F, infinity, -infinity, -0.0F});
    for (const std::size_t i : {0, 4}) CHECK(std::signbit(p[i]));
    CHECK_FALSE(std::signbit(p[1]));
    const auto decayed = updated(device, {-0.0F, 0.0F, infinity, -infinity, infinity}, 0.0F, 0.5)[0];
    for (const std::size_t i : {2, 3, 4}) CHECK(std::isnan(decayed[i]));
  }
}

TEST_CASE("decay moves the weights towards zero by its share of the learning rate and leaves the moments alone") {
  for (const Device device : {Device::cpu, Device::emulated}) {
    INFO(name_of(device));
    const std::vector<float> before{3.0F, -2.0F, 0.0F, 0.75F, 5.0F};
    const auto plain = updated(device, before, 0.5F, 0.0), decayed = updated(device, before, 0.5F, 0.25);
    CHECK(plain[1] == decayed[1]);
    CHECK(plain[2] == decayed[2]);
    for (std::size_t i = 0; i < before.size(); ++i)
      CHECK(decayed[0][i] == Approx(plain[0][i] - 0.125 * 0.25 * before[i]).epsilon(1e-6));
    // Without a gradient the weights shrink by the same factor, whatever their size: no part of it goes through v.
    const auto shrunk = updated(device, before, 0.0F, 0.25)[0];
    for (std::size_t i = 0; i < before.size(); ++i) CHECK(shrunk[i] == before[i] - 0.03125F * before[i]);
  }
}

TEST_CASE(
    "adam with a gradient scale equals adam on scaled gradients, and gives the same bits on any number of threads") {
  const std::int64_t n = 50'001;  // several chunks
  const auto update = [n](int threads, float scale_on_the_fly, float scale_before) {
    Runtime runtime(threads);
    Context context = runtime.context();
    Tensor<float> p = random_tensor<float>({n}, 1, 0), g = random_tensor<float>({n}, 1, 1);
    Tensor<float> m = random_tensor<float>({n}, 1, 2), v({n});
    for (float& x : g.span()) x *= scale_before;
    adam_update<float>(context, {.count = n,
                                 .step = 7,
                                 .gradient_scale = static_cast<double>(scale_on_the_fly),
                                 .parameters = p.data(),
                                 .gradients = g.data(),
                                 .m = m.data(),
                                 .v = v.data()});
    return std::vector<float>(p.span().begin(), p.span().end());
  };
  const std::vector<float> one = update(1, 0.25F, 1.0F);
  CHECK(one == update(3, 0.25F, 1.0F));
  CHECK(one == update(1, 1.0F, 0.25F));
  CHECK(one != update(1, 1.0F, 1.0F));
}

TEST_CASE("clipping scales a gradient block to the norm asked for and leaves smaller ones alone") {
  Runtime runtime(2);
  Context context = runtime.context();
  Tensor<double> g = random_tensor<double>({150'001}, 3, 0, 0.1);
  const double norm = norm_of(context, g);
  const double scale = clip_scale(norm, 1.0);
  CHECK(norm > 1.0);
  for (double& x : g.span()) x *= scale;
  CHECK(norm_of(context, g) == Approx(1.0).epsilon(1e-6));
  CHECK(clip_scale(0.5, 1.0) == 1.0);
  CHECK(clip_scale(0.0, 1.0) == 1.0);
  CHECK(clip_scale(4.0, 2.0) == Approx(0.5).epsilon(1e-6));
  CHECK(std::isnan(clip_scale(std::numeric_limits<double>::quiet_NaN(), 1.0)));
}

TEST_CASE("global_norm has the same bits on any number of threads and shows a NaN anywhere in the block") {
  const Tensor<float> x = random_tensor<float>({300'007}, 4, 0);
  const auto norm = [&](int threads) {
    Runtime runtime(threads);
    Context context = runtime.context();
    return norm_of(context, x);
  };
  CHECK(norm(1) == norm(4));
  Runtime runtime;
  Context context = runtime.context();
  CHECK(norm_of(context, Tensor<float>(Shape{0})) == 0.0);
  for (const std::int64_t place : {std::int64_t{0}, std::int64_t{65'536}, std::int64_t{300'006}}) {
    Tensor<float> broken = x.clone();
    broken[place] = std::numeric_limits<float>::quiet_NaN();
    CHECK(std::isnan(norm_of(context, broken)));
  }
}

TEST_CASE("a dropout mask is the Philox stream element by element, drops the share asked for and keeps the mean") {
  Runtime runtime(2);
  Context context = runtime.context();
  const PhiloxStream random(11, 5);
  for (const double probability : {0.0, 0.1, 0.5, 0.9}) {
    Tensor<float> mask({100'003});
    dropout_mask<float>(context,
                        {.count = mask.count(), .probability = probability, .random = random, .mask = mask.data()});
    std::int64_t dropped = 0, wrong = 0;
    const auto kept = static_cast<float>(1 / (1 - probability));
    for (std::int64_t i = 0; i < mask.count(); ++i) {
      const bool drops = random.uniform(static_cast<std::uint64_t>(i)) < probability;
      wrong += mask[i] != (drops ? 0.0F : kept);
      dropped += drops;
    }
    CHECK(wrong == 0);
    CHECK(static_cast<double>(dropped) / 100'003 == Approx(probability).margin(0.006));
  }
  Tensor<float> mask({4});
  for (const double probability : {-0.1, 1.0, std::numeric_limits<double>::quiet_NaN()})
    CHECK_THROWS_AS(
        dropout_mask<float>(context, {.count = 4, .probability = probability, .random = random, .mask = mask.data()}),
        Error);
}

TEST_CASE("several dropout masks at once are the masks one by one") {
  Runtime runtime(2);
  Context context = runtime.context();
  const std::array<std::int64_t, 4> counts{5, 0, 10'001, 3};
  DropoutMasks<float> args{.masks = 4, .probability = 0.3};
  std::vector<Tensor<float>> together, alone;
  for (std::size_t k = 0; k < counts.size(); ++k) {
    together.emplace_back(Shape{counts[k]});
    alone.emplace_back(Shape{counts[k]});
    const PhiloxStream random(11, k);
    args.mask[k] = {.count = counts[k], .random = random, .mask = together[k].data()};
    dropout_mask<float>(context, {.count = counts[k], .probability = 0.3, .random = random, .mask = alone[k].data()});
  }
  dropout_masks(context, args);
  for (std::size_t k = 0; k < counts.size(); ++k)
    CHECK(std::equal(together[k].span().begin(), together[k].span().end(), alone[k].span().begin()));
}

TEST_CASE("fill_normal is the Philox stream element by element, standard normal in its first four moments") {
  Runtime runtime(2);
  Context context = runtime.context();
  const PhiloxStream random(12, 6);
  Tensor<double> x({100'003});
  fill_normal<double>(context, {.count = x.count(), .random = random, .out = x.data()});
  double mean = 0, variance = 0, skew = 0, kurtosis = 0;
  bool same = true;
  for (std::int64_t i = 0; i < x.count(); ++i) {
    same = same && x[i] == random.normal(static_cast<std::uint64_t>(i));
    mean += x[i];
    variance += x[i] * x[i];
    skew += x[i] * x[i] * x[i];
    kurtosis += x[i] * x[i] * x[i] * x[i];
  }
  const auto n = static_cast<double>(x.count());
  CHECK(same);
  CHECK(mean / n == Approx(0).margin(0.015));
  CHECK(variance / n == Approx(1).margin(0.025));
  CHECK(skew / n == Approx(0).margin(0.05));
  CHECK(kurtosis / n == Approx(3).margin(0.15));
}
