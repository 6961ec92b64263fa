#include "kernels/segment_pooling/segment_pooling.h"

#include <algorithm>

namespace ethreed {

namespace {

constexpr std::int64_t elements_per_chunk = 16384;

/// So that a chunk has about that many elements of x, by shape alone.
template <class T> std::int64_t segments_per_chunk(const SegmentPoolingForward<T>& f) {
  const std::int64_t elements = std::int64_t{f.offsets.back()} * f.columns;
  return std::max<std::int64_t>(1, elements_per_chunk * f.segments() / std::max<std::int64_t>(1, elements));
}

/// Rows first … end − 1 of x are the segment's.
struct Rows {
  std::int64_t first, end;
  bool empty() const { return first == end; }
  int count() const { return static_cast<int>(end - first); }
};
template <class T> Rows rows_of(const SegmentPoolingForward<T>& f, std::int64_t segment) {
  ETHREED_ASSERT(f.offsets[segment] <= f.offsets[segment + 1]);
  return {f.offsets[segment], f.offsets[segment + 1]};
}

template <class T> void add_rows(const SegmentPoolingForward<T>& f, Rows rows, T* __restrict y) {
  std::fill_n(y, f.columns, T{0});
  for (std::int64_t j = rows.first; j < rows.end; ++j) {
    const T* __restrict x = f.x + j * f.columns;
    for (int c = 0; c < f.columns; ++c) y[c] += x[c];
  }
}

template <class T>
void choose_rows(const SegmentPoolingForward<T>& f, Rows rows, std::int32_t* __restrict chosen, T* __restrict y) {
  std::copy_n(f.x + rows.first * f.columns, f.columns, y);
  std::fill_n(chosen, f.columns, static_cast<std::int32_t>(rows.first));
  for (std::int64_t j = rows.first + 1; j < rows.end; ++j) {
    const T* __restrict x = f.x + j * f.columns;
    const auto row = static_cast<std::int32_t>(j);
    for (int c = 0; c < f.columns; ++c) {
      const bool above = segment_reduction::is_above(x[c], y[c]);
      y[c] = above ? x[c] : y[c];
      chosen[c] = above ? row : chosen[c];
    }
  }
}

template <class T> void pool(const SegmentPoolingForward<T>& f, std::int64_t segment) {
  const Rows rows = rows_of(f, segment);
  T* y = f.y + segment * f.columns;
  std::int32_t* chosen = f.reduction == SegmentReduction::max ? f.chosen + segment * f.columns : nullptr;
  if (rows.empty()) {
    std::fill_n(y, f.columns, T{0});
    if (chosen != nullptr) std::fill_n(chosen, f.columns, -1);
    return;
  }
  switch (f.reduction) {
    case SegmentReduction::sum: return add_rows(f, rows, y);
    case SegmentReduction::mean: {
      add_rows(f, rows, y);
      const T share = T{1} / static_cast<T>(rows.count());
      for (int c = 0; c < f.columns; ++c) y[c] *= share;
      return;
    }
    case SegmentReduction::max: return choose_rows(f, rows, chosen, y);
    case SegmentReduction::last: std::copy_n(f.x + (rows.end - 1) * f.columns, f.columns, y);
  }
}

/// gradient(c) into every row of the segment.
template <class T, class Gradient>
void put_rows(const SegmentPoolingBackward<T>& args, Rows rows, const Gradient& gradient) {
  const int columns = args.forward.columns;
  for (std::int64_t j = rows.first; j < rows.end; ++j) {
    T* __restrict dx = args.dx.data + j * columns;
    if (args.dx.accumulate)
      for (int c = 0; c < columns; ++c) dx[c] += gradient(c);
    else
      for (int c = 0; c < columns; ++c) dx[c] = gradient(c);
  }
}

/// dy[c] into row row_of(c), zeros into the others.
template <class T, class RowOf>
void put_picked(const SegmentPoolingBackward<T>& args, Rows rows, const T* dy, const RowOf& row_of) {
  const int columns = args.forward.columns;
  T* dx = args.dx.data;
  if (!args.dx.accumulate) std::fill(dx + rows.first * columns, dx + rows.end * columns, T{0});
  for (int c = 0; c < columns; ++c) {
    T& to = dx[row_of(c) * columns + c];
    to = args.dx.accumulate ? to + dy[c] : dy[c];
  }
}

template <class T> void give_back(const SegmentPoolingBackward<T>& args, std::int64_t segment) {
  const SegmentPoolingForward<T>& f = args.forward;
  const Rows rows = rows_of(f, segment);
  if (rows.empty()) return;
  const T* dy = args.dy + segment * f.columns;
  switch (f.reduction) {
    case SegmentReduction::sum: return put_rows(args, rows, [=](int c) { return dy[c]; });
    case SegmentReduction::mean: {
      const T share = T{1} / static_cast<T>(rows.count());
      return put_rows(args, rows, [=](int c) { return dy[c] * share; });
    }
    case SegmentReduction::max: {
      const std::int32_t* chosen = f.chosen + segment * f.columns;
      return put_picked(args, rows, dy, [=](int c) { return std::int64_t{chosen[c]}; });
    }
    case SegmentReduction::last: put_picked(args, rows, dy, [=](int) { return rows.end - 1; });
  }
}

}  // namespace

template <class T> void segment_pooling_forward(Cpu, Context& context, const SegmentPoolingForward<T>& args) {
  context.pool.parallel_ranges(args.segments(), segments_per_chunk(args), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t segment = begin; segment < end; ++segment) pool(args, segment);
  });
}

template <class T> void segment_pooling_backward(Cpu, Context& context, const SegmentPoolingBackward<T>& args) {
  if (!args.dx) return;
  const SegmentPoolingForward<T>& f = args.forward;
  context.pool.parallel_ranges(f.segments(), segments_per_chunk(f), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t segment = begin; segment < end; ++segment) give_back(args, segment);
  });
}

template void segment_pooling_forward(Cpu, Context&, const SegmentPoolingForward<float>&);
template void segment_pooling_forward(Cpu, Context&, const SegmentPoolingForward<double>&);
template void segment_pooling_backward(Cpu, Context&, const SegmentPoolingBackward<float>&);
template void segment_pooling_backward(Cpu, Context&, const SegmentPoolingBackward<double>&);

}  // namespace ethreed
