#include "kernels/dropout_mask/dropout_mask.h"

#include <algorithm>
#include <cmath>

namespace ethreed {

namespace {

constexpr std::int64_t elements_per_chunk = 4096;  // a multiple of 4: no Philox block is drawn by two chunks

}  // namespace

template <class T> void dropout_mask(Context& context, const DropoutMask<T>& args) {
  ETHREED_CHECK(args.probability >= 0.0 && args.probability < 1.0,
                "dropout_mask: probability is {}, wanted 0 <= probability < 1", args.probability);
  // uniform(i) = (word >> 8)·2⁻²⁴ < probability, as a comparison of integers.
  const auto threshold = static_cast<std::uint32_t>(std::ceil(args.probability * 0x1p24));
  const auto kept = static_cast<T>(1.0 / (1.0 - args.probability));
  context.pool.parallel_ranges(args.count, elements_per_chunk, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; i += 4) {
      const PhiloxBlock words = args.random.block(static_cast<std::uint64_t>(i / 4));
      const std::int64_t last = std::min(i + 4, end);
      for (std::int64_t j = i; j < last; ++j)
        args.mask[j] = (words[static_cast<std::size_t>(j - i)] >> 8) < threshold ? T{0} : kept;
    }
  });
}

template <class T> void fill_normal(Context& context, const FillNormal<T>& args) {
  context.pool.parallel_ranges(args.count, elements_per_chunk, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i)
      args.out[i] = static_cast<T>(args.random.normal(static_cast<std::uint64_t>(i)));
  });
}

template void dropout_mask(Context&, const DropoutMask<float>&);
template void dropout_mask(Context&, const DropoutMask<double>&);
template void fill_normal(Context&, const FillNormal<float>&);
template void fill_normal(Context&, const FillNormal<double>&);

}  // namespace ethreed
