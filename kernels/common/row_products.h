#pragma once
// Small products of rows of matrices, computed within one block: dot products of rows, sums of rows times factors. For
// the attentions, whose matrix products are ragged and too small for a GEMM each. For .cu files; blocks are
// one-dimensional. Rows of 4·n columns are read four elements at a time (rows_are_vectors), others one by one.

#include "kernels/common/block.h"

namespace ethreed {
inline namespace ETHREED_DEVICE_BUILD {

namespace detail {

template <bool vectors> inline constexpr int columns_at_once = vectors ? 4 : 1;

template <bool vectors, class T> __device__ Vector4<T> load_columns(const T* p) {
  if constexpr (vectors)
    return load4(p);
  else
    return {*p, T{0}, T{0}, T{0}};
}

template <bool vectors, class T> __device__ void put_columns(const GradientSink<T>& sink, int column, Vector4<T> v) {
  if constexpr (vectors) {
    if (sink.accumulate) {
      const Vector4<T> old = load4(sink.data + column);
      v = {old.x + v.x, old.y + v.y, old.z + v.z, old.w + v.w};
    }
    store4(sink.data + column, v);
  } else {
    put(sink, column, v.x);
  }
}

template <class T> __device__ T dot4(const Vector4<T>& a, const Vector4<T>& b) {
  return a.x * b.x + a.y * b.y + a.z * b.z + a.w * b.w;
}
template <class T> __device__ void add_scaled4(Vector4<T>& y, T factor, const Vector4<T>& x) {
  y.x += factor * x.x;
  y.y += factor * x.y;
  y.z += factor * x.z;
  y.w += factor * x.w;
}

template <bool vectors, int I, int J, class T>
__device__ void add_tile_products(T (&sums)[I * J], const T* const (&a)[I], const T* const (&b)[J], int columns) {
  constexpr int step = columns_at_once<vectors>;
  for (int k = lane_index() * step; k < columns; k += warp_size * step) {
    Vector4<T> b_columns[J];
    for (int j = 0; j < J; ++j) b_columns[j] = load_columns<vectors>(b[j] + k);
    for (int i = 0; i < I; ++i) {
      const Vector4<T> a_columns = load_columns<vectors>(a[i] + k);
      for (int j = 0; j < J; ++j) sums[i * J + j] += dot4(a_columns, b_columns[j]);
    }
  }
}

}  // namespace detail

/// Lane l gets the sum over the warp of values[l / (32 / N)], N a power of two: N + log2(32 / N) shuffles instead of
/// 5·N. The sums are added in the order of warp_sum. All lanes must call; `values` is used up.
template <int N, int distance = warp_size / 2, class T> __device__ T warp_sums(T* values) {
  if constexpr (N == 1) {
    T sum = values[0];
    for (int rest = distance; rest > 0; rest /= 2) sum += __shfl_xor_sync(all_lanes, sum, rest);
    return sum;
  } else {
    const bool upper = (thread_index() & distance) != 0;
    for (int n = 0; n < N / 2; ++n) {
      const T keep = upper ? values[n + N / 2] : values[n];
      values[n] = keep + __shfl_xor_sync(all_lanes, upper ? values[n] : values[n + N / 2], distance);
    }
    return warp_sums<N / 2, distance / 2>(values);
  }
}

/// Of the I·J dot products a_i·b_j of these rows, lane l gets the one with i·J + j = l / (32 / (I·J)). Lanes add every
/// 32nd element (or group of four), then warp_sums adds the lanes. All lanes must call.
template <int I, int J, class T> __device__ T tile_dots(const T* const (&a)[I], const T* const (&b)[J], int columns) {
  T sums[I * J] = {};
  if (rows_are_vectors(columns))
    detail::add_tile_products<true>(sums, a, b, columns);
  else
    detail::add_tile_products<false>(sums, a, b, columns);
  return warp_sums<I * J>(sums);
}

/// One dot product of two rows, for every lane of the warp.
template <class T> __device__ T row_dot(const T* a, const T* b, int columns) {
  const T* const as[1] = {a};
  const T* const bs[1] = {b};
  return tile_dots(as, bs, columns);
}

/// A thread's share of work that is cut into items: every `stride`-th from `first`.
struct Share {
  int first, stride;
};

/// The terms of a sum: from `begin` to before `end`; none if end ≤ begin.
struct Terms {
  int begin, end;
};
/// For outputs that all have the same terms.
struct EveryTerm {
  Terms terms;
  __device__ Terms operator()(int) const { return terms; }
};

/// Where one row of a gradient [rows, columns] goes.
template <class T> __device__ GradientSink<T> sink_row(const GradientSink<T>& sink, std::int64_t row, int columns) {
  return {sink.data + row * columns, sink.accumulate};
}

namespace detail {

template <bool vectors, int I, class T, class TermsOf, class Factor, class Row, class Out>
__device__ void weighted_sums(Share share, int count, int columns, TermsOf terms_of, Factor factor, Row row, Out out) {
  constexpr int step = columns_at_once<vectors>;
  const int groups = columns / step;
  const int items = (count + I - 1) / I * groups;
  for (int item = share.first; item < items; item += share.stride) {
    const int i0 = item / groups * I, column = item % groups * step;
    Vector4<T> sums[I] = {};
    const Terms terms = terms_of(i0);
    for (int k = terms.begin; k < terms.end; ++k) {
      const Vector4<T> x = load_columns<vectors>(row(k) + column);
      for (int i = 0; i < I; ++i) add_scaled4(sums[i], static_cast<T>(factor(i0 + i < count ? i0 + i : i0, k)), x);
    }
    for (int i = 0; i < I; ++i)
      if (i0 + i < count) put_columns<vectors>(static_cast<GradientSink<T>>(out(i0 + i)), column, sums[i]);
  }
}

}  // namespace detail

/// out(i)[c] = Σ_{k of terms_of(i)} factor(i, k)·row(k)[c] for i < count, c < columns, written or added as the sink
/// out(i) says. k runs from first to last; a sum without terms is zero. An item is one or four columns of I outputs,
/// which share the loads of row(k) and must have the same terms. Threads need not call together.
template <int I, class T, class TermsOf, class Factor, class Row, class Out>
__device__ void weighted_sums(Share share, int count, int columns, TermsOf terms_of, Factor factor, Row row, Out out) {
  if (rows_are_vectors(columns))
    detail::weighted_sums<true, I, T>(share, count, columns, terms_of, factor, row, out);
  else
    detail::weighted_sums<false, I, T>(share, count, columns, terms_of, factor, row, out);
}

/// out[c] = factor·x[c], or added to it, by the lanes of a warp.
template <class T> __device__ void scale_row(T factor, const T* x, int columns, const GradientSink<T>& out) {
  weighted_sums<1, T>(
      {lane_index(), warp_size}, 1, columns, EveryTerm{{0, 1}}, [=](int, int) { return factor; },
      [=](int) { return x; }, [=](int) { return out; });
}

/// The last of `count` offsets that is not above `value`, where offsets[0] ≤ value: to which part an element belongs.
__device__ inline int part_of(const std::int32_t* offsets, int count, int value) {
  int low = 0, high = count;
  while (high - low > 1) {
    const int middle = low + (high - low) / 2;
    (offsets[middle] <= value ? low : high) = middle;
  }
  return low;
}

/// How many blocks to give each of `units` pieces of work that one block each could do, where a part of it is divided
/// among the blocks and the rest is repeated by each: as many as fit on the device, four at most.
inline unsigned blocks_for_each(const DeviceRuntime& runtime, int units) {
  constexpr int most = 4;
  const int room = runtime.multiprocessors() / (units > 0 ? units : 1);
  return static_cast<unsigned>(room < 1 ? 1 : room < most ? room : most);
}

}  // namespace ETHREED_DEVICE_BUILD
}  // namespace ethreed
