#include "kernels/gaussian_latent/gaussian_latent.h"
#include "kernels/gaussian_latent/latent_element.h"

#include <algorithm>

namespace ethreed {

namespace {

constexpr std::int64_t rows_per_chunk = 16;

template <class T> void put(const GradientSink<T>& sink, std::int64_t i, T gradient) {
  if (sink) sink.data[i] = (sink.accumulate ? sink.data[i] : T{0}) + gradient;
}

/// z of one row, from the Gaussian it is drawn from.
template <class T>
void sample_row(const T* mean, const T* raw, const T* noise, std::int64_t begin, std::int64_t end, T* z) {
  if (noise == nullptr)
    std::copy(mean + begin, mean + end, z + begin);
  else
    for (std::int64_t i = begin; i < end; ++i) z[i] = latent_sample<T>({mean[i], raw[i]}, noise[i]);
}

template <class T> T divergence_of_row(const GaussianLatentForward<T>& args, std::int64_t begin, std::int64_t end) {
  T kl{0};
  for (std::int64_t i = begin; i < end; ++i)
    kl += latent_divergence<T>({args.mean_p[i], args.raw_p[i]}, {args.mean_q[i], args.raw_q[i]});
  return kl;
}

}  // namespace

template <class T> void gaussian_latent_forward(Cpu, Context& context, const GaussianLatentForward<T>& args) {
  const bool posterior = args.mean_q != nullptr;
  context.pool.parallel_ranges(args.rows, rows_per_chunk, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t row = first; row < last; ++row) {
      const std::int64_t begin = row * args.columns, end = begin + args.columns;
      sample_row(posterior ? args.mean_q : args.mean_p, posterior ? args.raw_q : args.raw_p, args.noise, begin, end,
                 args.z);
      args.kl[row] = posterior ? std::max(divergence_of_row(args, begin, end), args.least_kl) : T{0};
    }
  });
}

template <class T> void gaussian_latent_backward(Cpu, Context& context, const GaussianLatentBackward<T>& args) {
  const GaussianLatentForward<T>& f = args.forward;
  context.pool.parallel_ranges(f.rows, rows_per_chunk, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t row = first; row < last; ++row) {
      const bool free = f.least_kl > T{0} && f.mean_q != nullptr && f.kl[row] <= f.least_kl;
      const T given = args.dkl == nullptr ? T{0} : args.dkl[row];
      const T dkl = free ? T{0} : given;
      for (std::int64_t i = row * f.columns; i < (row + 1) * f.columns; ++i) {
        const T dz = args.dz == nullptr ? T{0} : args.dz[i];
        if (f.mean_q == nullptr) {
          put(args.dmean_p, i, dz);
          put(args.draw_p, i, f.noise == nullptr ? T{0} : latent_sample_gradient(f.raw_p[i], f.noise[i], dz));
          continue;
        }
        const LatentGradient<T> gradient = latent_gradient<T>({f.mean_p[i], f.raw_p[i]}, {f.mean_q[i], f.raw_q[i]},
                                                              f.noise == nullptr ? T{0} : f.noise[i], dz, dkl);
        put(args.dmean_p, i, gradient.mean_p);
        put(args.draw_p, i, gradient.raw_p);
        put(args.dmean_q, i, gradient.mean_q);
        put(args.draw_q, i, gradient.raw_q);
      }
    }
  });
}

template void gaussian_latent_forward(Cpu, Context&, const GaussianLatentForward<float>&);
template void gaussian_latent_forward(Cpu, Context&, const GaussianLatentForward<double>&);
template void gaussian_latent_backward(Cpu, Context&, const GaussianLatentBackward<float>&);
template void gaussian_latent_backward(Cpu, Context&, const GaussianLatentBackward<double>&);

}  // namespace ethreed
