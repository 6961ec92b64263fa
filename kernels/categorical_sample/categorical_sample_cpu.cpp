#include "kernels/categorical_sample/categorical_sample.h"

#include <algorithm>
#include <limits>

namespace ethreed {

namespace {

constexpr std::int64_t numbers_per_chunk = 1024;  // some 25 µs

template <class T> std::int32_t draw(const CategoricalSample<T>& args, std::int64_t row) {
  const std::int64_t start = row * args.columns;
  std::int32_t drawn = -1;
  double highest = 0;
  for (std::int32_t k = 0; k < args.columns; ++k) {
    const T log_probability = args.log_probability[start + k];
    if (!(log_probability > -std::numeric_limits<T>::infinity())) continue;
    const double sum =
        static_cast<double>(log_probability) + gumbel(args.random, static_cast<std::uint64_t>(start + k));
    if (drawn >= 0 && !(sum > highest)) continue;
    highest = sum;
    drawn = k;
  }
  return drawn;
}

}  // namespace

template <class T> void categorical_sample(Cpu, Context& context, const CategoricalSample<T>& args) {
  const std::int64_t rows_per_chunk = std::max<std::int64_t>(1, numbers_per_chunk / std::max(1, args.columns));
  context.pool.parallel_ranges(args.rows, rows_per_chunk, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) args.index[row] = draw(args, row);
  });
}

template <class T> void fill_gumbel(Cpu, Context& context, const FillGumbel<T>& args) {
  context.pool.parallel_ranges(args.count, numbers_per_chunk, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i)
      args.out[i] = static_cast<T>(gumbel(args.random, static_cast<std::uint64_t>(i)));
  });
}

template void categorical_sample(Cpu, Context&, const CategoricalSample<float>&);
template void categorical_sample(Cpu, Context&, const CategoricalSample<double>&);
template void fill_gumbel(Cpu, Context&, const FillGumbel<float>&);
template void fill_gumbel(Cpu, Context&, const FillGumbel<double>&);

}  // namespace ethreed
