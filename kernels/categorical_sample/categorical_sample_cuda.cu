#include "kernels/categorical_sample/categorical_sample.h"
#include "kernels/common/candidate.h"
#include "kernels/common/launch.h"

#include <limits>

namespace ethreed {

namespace {

constexpr int threads = 256;
constexpr int warps = threads / warp_size;

/// A block is one row.
template <class T> __global__ void categorical_sample_kernel(CategoricalSample<T> args) {
  Candidate<double>* of_warps = shared_array<Candidate<double>, warps, struct CategoricalSampleWarps>();
  const std::int64_t start = std::int64_t{blockIdx.x} * args.columns;
  Candidate<double> first = nobody<double>();
  for (int k = thread_index(); k < args.columns; k += threads) {
    const T log_probability = args.log_probability[start + k];
    if (!(log_probability > -std::numeric_limits<T>::infinity())) continue;
    const double noise = gumbel(args.random, static_cast<std::uint64_t>(start + k));
    const Candidate<double> here{static_cast<double>(log_probability) + noise, k};
    if (before(here, first)) first = here;
  }
  first = first_of_warp(first);
  if (lane_index() == 0) of_warps[warp_index()] = first;
  __syncthreads();
  if (warp_index() != 0) return;
  first = first_of_warp(lane_index() < warps ? of_warps[lane_index()] : nobody<double>());
  if (lane_index() == 0) args.index[blockIdx.x] = first.place == no_place ? -1 : first.place;
}

/// A thread is one element.
template <class T> __global__ void fill_gumbel_kernel(FillGumbel<T> args) {
  const std::int64_t i = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i < args.count) args.out[i] = static_cast<T>(gumbel(args.random, static_cast<std::uint64_t>(i)));
}

}  // namespace

template <class T> void categorical_sample(ThisDevice, Context& context, const CategoricalSample<T>& args) {
  if (args.rows == 0) return;
  launch<categorical_sample_kernel<T>>(context, {.grid = static_cast<unsigned>(args.rows), .block = threads}, args);
}

template <class T> void fill_gumbel(ThisDevice, Context& context, const FillGumbel<T>& args) {
  if (args.count == 0) return;
  launch<fill_gumbel_kernel<T>>(context, {.grid = blocks_for(args.count, threads), .block = threads}, args);
}

template void categorical_sample(ThisDevice, Context&, const CategoricalSample<float>&);
template void categorical_sample(ThisDevice, Context&, const CategoricalSample<double>&);
template void fill_gumbel(ThisDevice, Context&, const FillGumbel<float>&);
template void fill_gumbel(ThisDevice, Context&, const FillGumbel<double>&);

}  // namespace ethreed
