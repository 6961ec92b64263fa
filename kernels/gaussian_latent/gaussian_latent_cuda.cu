#include "kernels/common/row_log_sum_exp.h"
#include "kernels/gaussian_latent/gaussian_latent.h"
#include "kernels/gaussian_latent/latent_element.h"

namespace ethreed {

namespace {

constexpr int backward_threads = 256;

/// A warp is one row: lane l draws columns l, l + 32, … of z and adds their terms of the divergence, and the lanes are
/// added by warp_sum.
template <class T> __global__ void gaussian_latent_forward_kernel(GaussianLatentForward<T> args) {
  const int row = row_of_warp();
  if (row >= args.rows) return;  // all lanes of the warp
  const bool posterior = args.mean_q != nullptr;
  const T* mean = posterior ? args.mean_q : args.mean_p;
  const T* raw = posterior ? args.raw_q : args.raw_p;
  const std::int64_t begin = std::int64_t{row} * args.columns, end = begin + args.columns;
  T kl{0};
  for (std::int64_t i = begin + lane_index(); i < end; i += warp_size) {
    args.z[i] = args.noise == nullptr ? mean[i] : latent_sample<T>({mean[i], raw[i]}, args.noise[i]);
    if (posterior) kl += latent_divergence<T>({args.mean_p[i], args.raw_p[i]}, {args.mean_q[i], args.raw_q[i]});
  }
  kl = warp_sum(kl);
  if (lane_index() == 0) args.kl[row] = posterior && kl < args.least_kl ? args.least_kl : kl;
}

/// All gradients of an element, by one thread.
template <class T> __global__ void gaussian_latent_backward_kernel(GaussianLatentBackward<T> args) {
  const GaussianLatentForward<T>& f = args.forward;
  const std::int64_t i = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i >= std::int64_t{f.rows} * f.columns) return;
  const T dz = args.dz == nullptr ? T{0} : args.dz[i];
  if (f.mean_q == nullptr) {
    if (args.dmean_p) put(args.dmean_p, i, dz);
    if (args.draw_p)
      put(args.draw_p, i, f.noise == nullptr ? T{0} : latent_sample_gradient(f.raw_p[i], f.noise[i], dz));
    return;
  }
  const bool free = f.least_kl > T{0} && f.kl[i / f.columns] <= f.least_kl;
  const T given = args.dkl == nullptr ? T{0} : args.dkl[i / f.columns];
  const T dkl = free ? T{0} : given;
  const LatentGradient<T> gradient = latent_gradient<T>({f.mean_p[i], f.raw_p[i]}, {f.mean_q[i], f.raw_q[i]},
                                                        f.noise == nullptr ? T{0} : f.noise[i], dz, dkl);
  if (args.dmean_p) put(args.dmean_p, i, gradient.mean_p);
  if (args.draw_p) put(args.draw_p, i, gradient.raw_p);
  if (args.dmean_q) put(args.dmean_q, i, gradient.mean_q);
  if (args.draw_q) put(args.draw_q, i, gradient.raw_q);
}

}  // namespace

template <class T> void gaussian_latent_forward(ThisDevice, Context& context, const GaussianLatentForward<T>& args) {
  if (args.rows > 0) launch<gaussian_latent_forward_kernel<T>>(context, a_warp_a_row(args.rows), args);
}

template <class T> void gaussian_latent_backward(ThisDevice, Context& context, const GaussianLatentBackward<T>& args) {
  const std::int64_t count = std::int64_t{args.forward.rows} * args.forward.columns;
  if (count == 0 || !(args.dmean_p || args.draw_p || args.dmean_q || args.draw_q)) return;
  launch<gaussian_latent_backward_kernel<T>>(
      context, {.grid = blocks_for(count, backward_threads), .block = backward_threads}, args);
}

template void gaussian_latent_forward(ThisDevice, Context&, const GaussianLatentForward<float>&);
template void gaussian_latent_forward(ThisDevice, Context&, const GaussianLatentForward<double>&);
template void gaussian_latent_backward(ThisDevice, Context&, const GaussianLatentBackward<float>&);
template void gaussian_latent_backward(ThisDevice, Context&, const GaussianLatentBackward<double>&);

}  // namespace ethreed
