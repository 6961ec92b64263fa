#include "kernels/common/sorted_positions.h"
#include "kernels/embedding/embedding.h"

#include <algorithm>

namespace ethreed {

namespace {

constexpr std::int64_t rows_per_chunk = 64;
constexpr std::int64_t ids_per_chunk = 64;

template <class T>
void add_segment(const EmbeddingBackward<T>& args, const SortedPositions& segments, std::int64_t id) {
  const std::int64_t columns = args.forward.columns;
  T* __restrict out = args.dweight.data + id * columns;
  std::int32_t next = segments.start[id];
  const std::int32_t end = segments.start[id + 1];
  if (!args.dweight.accumulate) {
    if (next == end)
      std::fill_n(out, columns, T{0});
    else
      std::copy_n(args.dy + segments.order[next++] * columns, columns, out);
  }
  for (; next < end; ++next) {
    const T* __restrict dy = args.dy + segments.order[next] * columns;
    for (std::int64_t j = 0; j < columns; ++j) out[j] += dy[j];
  }
}

}  // namespace

template <class T> void embedding_forward(Cpu, Context& context, const EmbeddingForward<T>& args) {
  const std::int64_t columns = args.columns;
  context.pool.parallel_ranges(args.rows, rows_per_chunk, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      ETHREED_ASSERT(args.ids[i] >= 0 && args.ids[i] < args.vocabulary);
      std::copy_n(args.weight + args.ids[i] * columns, columns, args.y + i * columns);
    }
  });
}

template <class T> void embedding_backward(Cpu, Context& context, const EmbeddingBackward<T>& args) {
  if (!args.dweight) return;
  const EmbeddingForward<T>& f = args.forward;
  ArenaScope scratch(context.scratch);
  const SortedPositions segments{scratch.allocate<std::int32_t>(std::int64_t{f.vocabulary} + 1),
                                 scratch.allocate<std::int32_t>(f.rows)};
  sort_positions(f.ids, f.rows, f.vocabulary, segments);
  context.pool.parallel_ranges(f.vocabulary, ids_per_chunk, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t id = begin; id < end; ++id) add_segment(args, segments, id);
  });
}

template void embedding_forward(Cpu, Context&, const EmbeddingForward<float>&);
template void embedding_forward(Cpu, Context&, const EmbeddingForward<double>&);
template void embedding_backward(Cpu, Context&, const EmbeddingBackward<float>&);
template void embedding_backward(Cpu, Context&, const EmbeddingBackward<double>&);

}  // namespace ethreed
