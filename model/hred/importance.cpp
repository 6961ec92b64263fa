#include "model/hred/importance.h"

#include "autograd/functions/gather_rows_function.h"
#include "kernels/gaussian_latent/latent_element.h"
#include "model/hred/noise.h"

#include <cmath>

namespace ethreed {

namespace {

// Mean and variance of N Gaussians [N, Z], on the host.
struct Gaussians {
  std::vector<double> mean, variance;
};
template <class T> Gaussians on_host_in_double(Context& context, const LatentDistribution<T>& distribution) {
  const std::int64_t count = distribution.mean.value().count();
  const T* mean = context.to_host(distribution.mean.data(), count);
  const T* raw = context.to_host(distribution.raw.data(), count);
  Gaussians out;
  for (std::int64_t i = 0; i < count; ++i) {
    out.mean.push_back(static_cast<double>(mean[i]));
    out.variance.push_back(latent_variance(static_cast<double>(raw[i])));
  }
  return out;
}

// log of the density without its constant, which cancels in p/q.
double log_density(const Gaussians& g, std::size_t i, double z) {
  return -((z - g.mean[i]) * (z - g.mean[i]) / g.variance[i] + std::log(g.variance[i])) / 2;
}

// log Σ_s exp x_s, a term at a time.
class LogSum {
 public:
  void add(double x) {
    if (x > most_) {
      sum_ = sum_ * std::exp(most_ - x) + 1;
      most_ = x;
    } else {
      sum_ += std::exp(x - most_);
    }
  }
  double value() const { return most_ + std::log(sum_); }

 private:
  double most_ = -std::numeric_limits<double>::infinity(), sum_ = 0;
};

}  // namespace

template <class T>
std::vector<double> importance_log_likelihood(Tape<T>& tape, const HredConfig& config,
                                              const HredParameters<Variable<T>>& parameters, const HredBatch& batch,
                                              const HredContext<T>& read, const PassOptions& options) {
  Context& context = tape.context();
  const DialogueBatch& d = batch.dialogues;
  const auto width = static_cast<std::size_t>(config.latent), turns = static_cast<std::size_t>(d.turns());
  const Variable<T> before = gather_rows<T>(tape, {{read.global, d.post_chain}});
  const Variable<T> reply = gather_rows<T>(tape, {{read.summary, d.response_chain}});
  const LatentDistribution<T> prior = latent_prior(tape, parameters, before);
  const LatentDistribution<T> posterior = latent_posterior(tape, parameters, before, reply);
  const Gaussians p = on_host_in_double(context, prior), q = on_host_in_double(context, posterior);
  std::vector<LogSum> sums(turns);
  std::vector<double> log_weight(turns);
  for (int s = 0; s < options.latent_samples; ++s) {
    const ArenaScope scope(context.values);  // a sample's values are of no use to the next one
    const T* noise = draw_latent_noise<T>(context, config, d, {.seed = options.seed}, s);
    const Variable<T> z = gaussian_latent<T>(tape, prior, posterior, {noise, prior.mean.shape()}).z;
    const Variable<T> nll =
        decode_targets<T>(tape, parameters, batch.replies, read.words, conditioning_of(tape, config, batch, read, z));
    const T* drawn = context.to_host(z.data(), z.value().count());
    const T* token_nll = context.to_host(nll.data(), nll.value().count());
    for (std::size_t i = 0; i < turns; ++i) {
      log_weight[i] = 0;
      for (std::size_t k = i * width; k < (i + 1) * width; ++k) {
        const auto value = static_cast<double>(drawn[k]);
        log_weight[i] += log_density(p, k, value) - log_density(q, k, value);
      }
    }
    for (std::size_t token = 0; token < batch.token_turns.size(); ++token)
      log_weight[static_cast<std::size_t>(batch.token_turns[token])] -= static_cast<double>(token_nll[token]);
    for (std::size_t i = 0; i < turns; ++i) sums[i].add(log_weight[i]);
  }
  std::vector<double> result;
  for (const LogSum& sum : sums) result.push_back(sum.value() - std::log(options.latent_samples));
  return result;
}

template std::vector<double> importance_log_likelihood(Tape<float>&, const HredConfig&,
                                                       const HredParameters<Variable<float>>&, const HredBatch&,
                                                       const HredContext<float>&, const PassOptions&);
template std::vector<double> importance_log_likelihood(Tape<double>&, const HredConfig&,
                                                       const HredParameters<Variable<double>>&, const HredBatch&,
                                                       const HredContext<double>&, const PassOptions&);

}  // namespace ethreed
