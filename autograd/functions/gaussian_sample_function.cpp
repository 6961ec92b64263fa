#include "autograd/functions/gaussian_sample_function.h"

namespace ethreed {

template <class T>
Variable<T> gaussian_sample(Tape<T>& tape, Variable<T> mean, Variable<T> log_variance,
                            std::type_identity_t<View<const T>> noise) {
  const std::int64_t count = mean.value().count();
  ETHREED_CHECK(log_variance.shape() == mean.shape(), "gaussian_sample: log_variance is {}, mean is {}",
                log_variance.shape().text(), mean.shape().text());
  ETHREED_CHECK(noise.count() == count, "gaussian_sample: noise is {}, mean is {}", noise.shape.text(),
                mean.shape().text());
  Variable<T> sample = tape.result(mean.shape(), mean.wants_gradient() || log_variance.wants_gradient());
  const GaussianSampleForward<T> args{.count = count,
                                      .mean = mean.data(),
                                      .log_variance = log_variance.data(),
                                      .noise = noise.data,
                                      .sample = sample.data()};
  gaussian_sample_forward(tape.context(), args);
  if (!sample.wants_gradient()) return sample;
  tape.record([=](Tape<T>& t) {
    const T* dsample = t.gradient(sample);
    if (dsample == nullptr) return;
    gaussian_sample_backward<T>(
        t.context(),
        {.forward = args, .dsample = dsample, .dmean = t.sink(mean), .dlog_variance = t.sink(log_variance)});
  });
  return sample;
}

template Variable<float> gaussian_sample(Tape<float>&, Variable<float>, Variable<float>, View<const float>);
template Variable<double> gaussian_sample(Tape<double>&, Variable<double>, Variable<double>, View<const double>);

}  // namespace ethreed
