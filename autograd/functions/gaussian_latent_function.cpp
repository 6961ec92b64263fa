#include "autograd/functions/gaussian_latent_function.h"

namespace ethreed {

namespace {

template <class T>
void check_arguments(const LatentDistribution<T>& prior, const LatentDistribution<T>& posterior, View<const T> noise) {
  constexpr const char* who = "gaussian_latent";
  ETHREED_CHECK(prior.mean && prior.raw, "{}: the prior lacks its {}", who, prior.mean ? "raw" : "mean");
  const Shape& shape = prior.mean.shape();
  ETHREED_CHECK(prior.raw.shape() == shape, "{}: raw of the prior is {}, its mean is {}; they must agree", who,
                prior.raw.shape().text(), shape.text());
  if (posterior) {
    ETHREED_CHECK(posterior.mean && posterior.raw, "{}: the posterior lacks its {}; leave both out, or neither", who,
                  posterior.mean ? "raw" : "mean");
    ETHREED_CHECK(posterior.mean.shape() == shape, "{}: mean of the posterior is {}, of the prior {}; they must agree",
                  who, posterior.mean.shape().text(), shape.text());
    ETHREED_CHECK(posterior.raw.shape() == shape, "{}: raw of the posterior is {}, its mean is {}; they must agree",
                  who, posterior.raw.shape().text(), shape.text());
  }
  ETHREED_CHECK(noise.data == nullptr || noise.count() == shape.count(), "{}: noise is {}, the means are {}", who,
                noise.shape.text(), shape.text());
}

}  // namespace

template <class T>
GaussianLatent<T> gaussian_latent(Tape<T>& tape, LatentDistribution<T> prior, LatentDistribution<T> posterior,
                                  std::type_identity_t<View<const T>> noise, double least_kl) {
  check_arguments<T>(prior, posterior, noise);
  const LatentDistribution<T>& drawn = posterior ? posterior : prior;
  const bool of_z = drawn.mean.wants_gradient() || drawn.raw.wants_gradient();
  const bool of_kl = posterior && (of_z || prior.mean.wants_gradient() || prior.raw.wants_gradient());
  const GaussianLatent<T> result{.z = tape.result(prior.mean.shape(), of_z),
                                 .kl = tape.result({prior.mean.rows()}, of_kl)};
  const GaussianLatentForward<T> args{.rows = prior.mean.rows(),
                                      .columns = prior.mean.columns(),
                                      .least_kl = static_cast<T>(least_kl),
                                      .mean_p = prior.mean.data(),
                                      .raw_p = prior.raw.data(),
                                      .mean_q = posterior ? posterior.mean.data() : nullptr,
                                      .raw_q = posterior ? posterior.raw.data() : nullptr,
                                      .noise = noise.data,
                                      .z = result.z.data(),
                                      .kl = result.kl.data()};
  gaussian_latent_forward(tape.context(), args);
  if (!result.z.wants_gradient() && !result.kl.wants_gradient()) return result;
  tape.record([=](Tape<T>& t) {
    const T* dz = t.gradient(result.z);
    const T* dkl = t.gradient(result.kl);
    if (dz == nullptr && dkl == nullptr) return;
    gaussian_latent_backward<T>(t.context(), {.forward = args,
                                              .dz = dz,
                                              .dkl = dkl,
                                              .dmean_p = t.sink(prior.mean),
                                              .draw_p = t.sink(prior.raw),
                                              .dmean_q = t.sink(posterior.mean),
                                              .draw_q = t.sink(posterior.raw)});
  });
  return result;
}

template GaussianLatent<float> gaussian_latent(Tape<float>&, LatentDistribution<float>, LatentDistribution<float>,
                                               View<const float>, double);
template GaussianLatent<double> gaussian_latent(Tape<double>&, LatentDistribution<double>, LatentDistribution<double>,
                                                View<const double>, double);

}  // namespace ethreed
