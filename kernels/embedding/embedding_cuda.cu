#include "kernels/common/launch.h"
#include "kernels/common/selected_rows.h"
#include "kernels/embedding/embedding.h"

namespace ethreed {

namespace {

constexpr int threads = 256;

/// y[i] = weight[ids[i]]. A thread copies one V, consecutive threads go along a row.
template <class T, class V>
__global__ void embedding_forward_kernel(const T* weight, const std::int32_t* ids, int rows, int columns, T* y) {
  const int groups = columns / elements_of<V, T>;
  const std::int64_t place = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  const std::int64_t i = place / groups;
  const std::int64_t column = place % groups * elements_of<V, T>;
  if (i < rows) store_as(y + i * columns + column, load_as<V>(weight + std::int64_t{ids[i]} * columns + column));
}

/// A block is one position; only the first position of every word has work: it adds up the rows of dy at all positions
/// of the word, ascending, and writes the word's gradient or adds to it. A thread has one V of the row.
template <class T, class V>
__global__ void embedding_backward_kernel(const T* dy, const std::int32_t* ids, int rows, int columns,
                                          GradientSink<T> dweight) {
  const int position = block_index();
  const std::int64_t column = std::int64_t{blockIdx.y * blockDim.x + threadIdx.x} * elements_of<V, T>;
  const int id = ids[position];
  const bool reads = column < columns;
  V sum{};
  const int first = add_selected(ids, rows, id, position, dy + column, columns, reads, sum);
  if (reads && first == position) put_as(dweight.data + std::int64_t{id} * columns + column, dweight.accumulate, sum);
}

template <class T, class V> void run_forward(Context& context, const EmbeddingForward<T>& args) {
  const std::int64_t count = std::int64_t{args.rows} * args.columns / elements_of<V, T>;
  launch<embedding_forward_kernel<T, V>>(context, {.grid = blocks_for(count, threads), .block = threads}, args.weight,
                                         indices(context, args.ids, args.rows), args.rows, args.columns, args.y);
}

template <class T, class V> void run_backward(Context& context, const EmbeddingBackward<T>& args) {
  const EmbeddingForward<T>& f = args.forward;
  const dim3 grid(static_cast<unsigned>(f.rows), blocks_for(f.columns / elements_of<V, T>, selection_threads));
  launch<embedding_backward_kernel<T, V>>(context, {.grid = grid, .block = selection_threads}, args.dy,
                                          indices(context, f.ids, f.rows), f.rows, f.columns, args.dweight);
}

}  // namespace

template <class T> void embedding_forward(ThisDevice, Context& context, const EmbeddingForward<T>& args) {
  if (args.rows == 0 || args.columns == 0) return;
  if (rows_are_vectors(args.columns))
    run_forward<T, Vector4<T>>(context, args);
  else
    run_forward<T, T>(context, args);
}

template <class T> void embedding_backward(ThisDevice, Context& context, const EmbeddingBackward<T>& args) {
  if (!args.dweight) return;
  const EmbeddingForward<T>& f = args.forward;
  // Words that do not occur have no block, so their zeros come first.
  if (!args.dweight.accumulate) context.clear(args.dweight.data, std::int64_t{f.vocabulary} * f.columns);
  if (f.rows == 0 || f.columns == 0) return;
  if (rows_are_vectors(f.columns))
    run_backward<T, Vector4<T>>(context, args);
  else
    run_backward<T, T>(context, args);
}

template void embedding_forward(ThisDevice, Context&, const EmbeddingForward<float>&);
template void embedding_forward(ThisDevice, Context&, const EmbeddingForward<double>&);
template void embedding_backward(ThisDevice, Context&, const EmbeddingBackward<float>&);
template void embedding_backward(ThisDevice, Context&, const EmbeddingBackward<double>&);

}  // namespace ethreed
