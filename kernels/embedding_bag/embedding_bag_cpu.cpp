#include "kernels/common/sorted_positions.h"
#include "kernels/embedding_bag/embedding_bag.h"

#include <algorithm>

namespace ethreed {

namespace {

constexpr std::int64_t bags_per_chunk = 4;
constexpr std::int64_t ids_per_chunk = 256;

template <class T> void add_scaled(T weight, const T* __restrict x, std::int64_t columns, T* __restrict sum) {
  for (std::int64_t c = 0; c < columns; ++c) sum[c] += weight * x[c];
}

/// Entries by id, and the bag of each.
struct SortedEntries {
  SortedPositions by_id;
  std::int32_t* bag;  // [entries]
};

template <class T>
void add_table_row(const EmbeddingBagBackward<T>& args, const SortedEntries& entries, std::int64_t id) {
  const std::int64_t columns = args.forward.columns;
  const T* weight = args.forward.weight;
  T* out = args.dtable.data + id * columns;
  if (!args.dtable.accumulate) std::fill_n(out, columns, T{0});
  for (std::int32_t next = entries.by_id.start[id]; next < entries.by_id.start[id + 1]; ++next) {
    const std::int32_t j = entries.by_id.order[next];
    add_scaled(weight == nullptr ? T{1} : weight[j], args.dy + entries.bag[j] * columns, columns, out);
  }
}

}  // namespace

template <class T> void embedding_bag_forward(Cpu, Context& context, const EmbeddingBagForward<T>& args) {
  const std::int64_t columns = args.columns;
  context.pool.parallel_ranges(args.rows, bags_per_chunk, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      T* y = args.y + i * columns;
      std::fill_n(y, columns, T{0});
      for (std::int32_t j = args.offsets[i]; j < args.offsets[i + 1]; ++j) {
        ETHREED_ASSERT(args.ids[j] >= 0 && args.ids[j] < args.table_rows);
        add_scaled(args.weight == nullptr ? T{1} : args.weight[j], args.table + args.ids[j] * columns, columns, y);
      }
    }
  });
}

template <class T> void embedding_bag_backward(Cpu, Context& context, const EmbeddingBagBackward<T>& args) {
  if (!args.dtable) return;
  const EmbeddingBagForward<T>& f = args.forward;
  ArenaScope scratch(context.scratch);
  const SortedEntries entries{
      {scratch.allocate<std::int32_t>(std::int64_t{f.table_rows} + 1), scratch.allocate<std::int32_t>(f.entries())},
      scratch.allocate<std::int32_t>(f.entries())};
  sort_positions(f.ids, f.entries(), f.table_rows, entries.by_id);
  for (int i = 0; i < f.rows; ++i) std::fill(entries.bag + f.offsets[i], entries.bag + f.offsets[i + 1], i);
  context.pool.parallel_ranges(f.table_rows, ids_per_chunk, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t id = begin; id < end; ++id) add_table_row(args, entries, id);
  });
}

template void embedding_bag_forward(Cpu, Context&, const EmbeddingBagForward<float>&);
template void embedding_bag_forward(Cpu, Context&, const EmbeddingBagForward<double>&);
template void embedding_bag_backward(Cpu, Context&, const EmbeddingBagBackward<float>&);
template void embedding_bag_backward(Cpu, Context&, const EmbeddingBagBackward<double>&);

}  // namespace ethreed
