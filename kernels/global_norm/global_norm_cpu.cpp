#include "kernels/global_norm/global_norm.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace ethreed {

namespace {

template <class T> double sum_of_squares(const T* x, std::int64_t count) {
  constexpr std::int64_t lanes = 64, line = 64 / sizeof(T);
  constexpr std::int64_t prefetch_distance = 1024;  // what was just written comes slowly out of the last cache
  const std::int64_t full = count / lanes * lanes;
  std::array<double, lanes> sums{};
  for (std::int64_t i = 0; i < full; i += lanes) {
    for (std::int64_t at = i + prefetch_distance; at < i + prefetch_distance + lanes; at += line)
      __builtin_prefetch(x + std::min(at, count - 1));
    for (std::size_t l = 0; l < lanes; ++l) {
      const auto value = static_cast<double>(x[i + l]);
      sums[l] += value * value;
    }
  }
  for (std::int64_t i = full; i < count; ++i) sums[i - full] += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  double total = 0;
  for (const double sum : sums) total += sum;
  return total;
}

}  // namespace

template <class T> void global_norm(Cpu, Context& context, const GlobalNorm<T>& args) {
  const std::int64_t chunks = (args.count + global_norm_chunk - 1) / global_norm_chunk;
  ArenaScope scratch(context.scratch);
  double* partial = scratch.allocate<double>(chunks);
  context.pool.parallel_ranges(args.count, global_norm_chunk, [&](std::int64_t begin, std::int64_t end) {
    partial[begin / global_norm_chunk] = sum_of_squares(args.x + begin, end - begin);
  });
  double total = 0;
  for (std::int64_t i = 0; i < chunks; ++i) total += partial[i];
  *args.norm = std::sqrt(total);
}

template void global_norm(Cpu, Context&, const GlobalNorm<float>&);
template void global_norm(Cpu, Context&, const GlobalNorm<double>&);

}  // namespace ethreed
