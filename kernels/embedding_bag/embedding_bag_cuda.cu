#include "kernels/common/launch.h"
#include "kernels/common/row_products.h"
#include "kernels/common/selected_rows.h"
#include "kernels/embedding_bag/embedding_bag.h"

namespace ethreed {

namespace {

constexpr int threads = 256;

template <class T> __device__ T times(T factor, T x) { return factor * x; }
template <class T> __device__ Vector4<T> times(T factor, const Vector4<T>& x) {
  return {factor * x.x, factor * x.y, factor * x.z, factor * x.w};
}
template <class T> __device__ T weight_of(const EmbeddingBagForward<T>& f, int entry) {
  return f.weight == nullptr ? T{1} : f.weight[entry];
}

/// A thread has one V of a bag's sum, consecutive threads go along a row; entries ascending. `f.offsets` and `f.ids`
/// are device copies.
template <class T, class V> __global__ void embedding_bag_forward_kernel(EmbeddingBagForward<T> f) {
  const int groups = f.columns / elements_of<V, T>;
  const std::int64_t place = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  const std::int64_t i = place / groups;
  const std::int64_t column = place % groups * elements_of<V, T>;
  if (i >= f.rows) return;
  V sum{};
  for (int j = f.offsets[i]; j < f.offsets[i + 1]; ++j)
    sum = plus(sum, times(weight_of(f, j), load_as<V>(f.table + std::int64_t{f.ids[j]} * f.columns + column)));
  store_as(f.y + i * f.columns + column, sum);
}

/// A block is one entry; only the first entry of every id has work: it adds up the weighted rows of dy of all entries
/// of the id, ascending, and writes the table row's gradient or adds to it. A thread has one V of the row.
template <class T, class V> __global__ void embedding_bag_backward_kernel(EmbeddingBagBackward<T> args, int entries) {
  const EmbeddingBagForward<T>& f = args.forward;
  const int entry = block_index();
  const std::int64_t column = std::int64_t{blockIdx.y * blockDim.x + threadIdx.x} * elements_of<V, T>;
  const int id = f.ids[entry];
  const bool reads = column < f.columns;
  V sum{};
  const int first = add_selected_terms(f.ids, entries, id, entry, reads, sum, [&](int j) {
    const std::int64_t bag = part_of(f.offsets, f.rows, j);
    return times(weight_of(f, j), load_as<V>(args.dy + bag * f.columns + column));
  });
  if (reads && first == entry)
    put_as(args.dtable.data + std::int64_t{id} * f.columns + column, args.dtable.accumulate, sum);
}

/// The arguments with the device copies of offsets and ids. There is at least one bag.
template <class T> EmbeddingBagForward<T> with_device_indices(Context& context, EmbeddingBagForward<T> f, int entries) {
  if (entries > 0) f.ids = indices(context, f.ids, entries);
  f.offsets = indices(context, f.offsets, std::int64_t{f.rows} + 1);
  return f;
}

template <class T, class V> void run_forward(Context& context, const EmbeddingBagForward<T>& args) {
  const std::int64_t count = std::int64_t{args.rows} * args.columns / elements_of<V, T>;
  launch<embedding_bag_forward_kernel<T, V>>(context, {.grid = blocks_for(count, threads), .block = threads},
                                             with_device_indices(context, args, args.entries()));
}

template <class T, class V> void run_backward(Context& context, const EmbeddingBagBackward<T>& args) {
  const int entries = args.forward.entries();
  EmbeddingBagBackward<T> back = args;
  back.forward = with_device_indices(context, args.forward, entries);
  const dim3 grid(static_cast<unsigned>(entries),
                  blocks_for(args.forward.columns / elements_of<V, T>, selection_threads));
  launch<embedding_bag_backward_kernel<T, V>>(context, {.grid = grid, .block = selection_threads}, back, entries);
}

}  // namespace

template <class T> void embedding_bag_forward(ThisDevice, Context& context, const EmbeddingBagForward<T>& args) {
  if (args.rows == 0 || args.columns == 0) return;
  if (rows_are_vectors(args.columns))
    run_forward<T, Vector4<T>>(context, args);
  else
    run_forward<T, T>(context, args);
}

template <class T> void embedding_bag_backward(ThisDevice, Context& context, const EmbeddingBagBackward<T>& args) {
  if (!args.dtable) return;
  const EmbeddingBagForward<T>& f = args.forward;
  // Table rows that do not occur have no block, so their zeros come first.
  if (!args.dtable.accumulate) context.clear(args.dtable.data, std::int64_t{f.table_rows} * f.columns);
  if (f.entries() == 0 || f.columns == 0) return;
  if (rows_are_vectors(f.columns))
    run_backward<T, Vector4<T>>(context, args);
  else
    run_backward<T, T>(context, args);
}

template void embedding_bag_forward(ThisDevice, Context&, const EmbeddingBagForward<float>&);
template void embedding_bag_forward(ThisDevice, Context&, const EmbeddingBagForward<double>&);
template void embedding_bag_backward(ThisDevice, Context&, const EmbeddingBagBackward<float>&);
template void embedding_bag_backward(ThisDevice, Context&, const EmbeddingBagBackward<double>&);

}  // namespace ethreed
