#include "kernels/dropout_mask/dropout_mask.h"

#include <algorithm>

namespace ethreed {

namespace {

// Some 10 and 25 µs. A multiple of 4: no Philox block is drawn by two chunks.
constexpr std::int64_t elements_per_chunk = 1024, normals_per_chunk = 512;

}  // namespace

template <class T> void dropout_masks(Cpu, Context& context, const DropoutMasks<T>& args) {
  const std::uint32_t threshold = dropout_threshold(args.probability);
  const auto kept = static_cast<T>(1.0 / (1.0 - args.probability));
  for (int k = 0; k < args.masks; ++k) {
    const auto& mask = args.mask[k];
    context.pool.parallel_ranges(mask.count, elements_per_chunk, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; i += 4) {
        const PhiloxBlock words = mask.random.block(static_cast<std::uint64_t>(i / 4));
        const std::int64_t last = std::min(i + 4, end);
        for (std::int64_t j = i; j < last; ++j) mask.mask[j] = (words[j - i] >> 8) < threshold ? T{0} : kept;
      }
    });
  }
}

template <class T> void fill_normal(Cpu, Context& context, const FillNormal<T>& args) {
  context.pool.parallel_ranges(args.count, normals_per_chunk, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i)
      args.out[i] = static_cast<T>(args.random.normal(static_cast<std::uint64_t>(i)));
  });
}

template void dropout_masks(Cpu, Context&, const DropoutMasks<float>&);
template void dropout_masks(Cpu, Context&, const DropoutMasks<double>&);
template void fill_normal(Cpu, Context&, const FillNormal<float>&);
template void fill_normal(Cpu, Context&, const FillNormal<double>&);

}  // namespace ethreed
