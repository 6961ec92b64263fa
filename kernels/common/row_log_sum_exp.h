#pragma once
// log Σ e^x of a row in one pass, by a warp or by a block; short rows are read by a warp each, and long ones by a
// block, four elements at a time, wherever they start. For .cu files.

#include "kernels/common/block.h"
#include "kernels/common/launch.h"
#include "kernels/common/math.h"

#include <cstdint>
#include <limits>

namespace ethreed {
inline namespace ETHREED_DEVICE_BUILD {

/// A launch with a warp for every row, four to a block. Warps from `rows` on have none: they return before any shuffle.
inline LaunchShape a_warp_a_row(int rows) {
  constexpr int threads = 4 * warp_size, most_rows = 0x7FFFFFFF / warp_size;  // row_of_warp counts threads in 32 bits
  ETHREED_CHECK(rows <= most_rows, "a launch of a warp a row: {} rows, wanted at most {}; use a smaller batch", rows,
                most_rows);
  return {.grid = blocks_for(std::int64_t{rows} * warp_size, threads), .block = threads};
}
__device__ inline int row_of_warp() { return static_cast<int>((blockIdx.x * blockDim.x + threadIdx.x) / warp_size); }

/// Calls four(k) for every group k … k + 3 of the row that starts on 16 bytes, and one(k) for the elements before and
/// after those, each once, by one thread of a one-dimensional block. A row of a matrix with an odd number of columns
/// starts anywhere: up to three elements go to the next boundary. Which thread takes what depends on count and on where
/// the row starts modulo 16 bytes, hence, in arrays of the arena, on row and shape alone. `vectors` false: all by
/// one(k).
template <class T, class One, class Four>
__device__ void walk_row(const T* row, int count, bool vectors, One one, Four four) {
  constexpr int in_16_bytes = 16 / static_cast<int>(sizeof(T));
  const int past = static_cast<int>(reinterpret_cast<std::uintptr_t>(row) / sizeof(T) % in_16_bytes);
  const int gap = (in_16_bytes - past) % in_16_bytes;
  const int head = gap < count ? gap : count;
  const int groups = vectors ? (count - head) / 4 : 0;
  const int thread = thread_index(), threads = block_threads();
  for (int group = thread; group < groups; group += threads) four(head + 4 * group);
  for (int k = thread; k < count - 4 * groups; k += threads) one(k < head ? k : k + 4 * groups);
}

/// May elements k of both arrays be read and written as Vector4 together?
template <class T> __device__ bool aligned_alike(const T* a, const T* b) {
  return (reinterpret_cast<std::uintptr_t>(a) - reinterpret_cast<std::uintptr_t>(b)) % 16 == 0;
}

/// sink[k] = gradient(k, x[k]) for k < n, or added to it, by all threads of a block as walk_row gives them; each
/// element from its own x, so that a row may turn into its gradient.
template <class T, class Gradient>
__device__ void put_row(const T* x, int n, const GradientSink<T>& sink, const Gradient& gradient) {
  const auto one = [=](int k) { put(sink, k, gradient(k, x[k])); };
  const auto four = [=](int k) {
    const Vector4<T> v = load4(x + k);
    Vector4<T> out{gradient(k, v.x), gradient(k + 1, v.y), gradient(k + 2, v.z), gradient(k + 3, v.w)};
    if (sink.accumulate) {
      const Vector4<T> before = load4(sink.data + k);
      out = {before.x + out.x, before.y + out.y, before.z + out.z, before.w + out.w};
    }
    store4(sink.data + k, out);
  };
  walk_row(x, n, aligned_alike<T>(x, sink.data), one, four);
}

/// One thread's part of log Σ e^x: the largest x it has seen, and Σ e^{x − max}. −∞ adds nothing; NaN makes the sum
/// NaN and leaves the maximum alone.
template <class T> struct PartialLogSumExp {
  T max = -std::numeric_limits<T>::infinity();
  T sum = 0;

  /// Brings the sum to the larger maximum, if it is one.
  __device__ void raise(T high) {
    if (!(high > max)) return;
    sum *= math::exp(max - high);
    max = high;
  }
  /// e^{x − max}, and 0 instead of e^{−∞ + ∞} before anything but −∞ was seen.
  __device__ T term(T x) const { return math::exp(x - (max == -std::numeric_limits<T>::infinity() ? T{0} : max)); }
  __device__ void add(T x) {
    raise(x);
    sum += term(x);
  }
  __device__ void add(const Vector4<T>& v) {
    const T low = v.x > v.y ? v.x : v.y, high = v.z > v.w ? v.z : v.w;
    raise(low > high ? low : high);
    sum += (term(v.x) + term(v.y)) + (term(v.z) + term(v.w));
  }
};

/// Over a row of n ≥ 1 elements, as math::log_sum_exp; every lane of the warp gets it. Lane l adds elements l, l + 32,
/// …; the lanes are added as warp_sum does. All lanes must call.
template <class T> __device__ math::LogSumExp<T> warp_log_sum_exp(const T* row, int n) {
  PartialLogSumExp<T> part;
  for (int k = lane_index(); k < n; k += warp_size) part.add(row[k]);
  const T max = warp_max(part.max);
  part.raise(max);
  return {max, std::log(warp_sum(part.sum))};
}

/// The same by a block; every thread gets it. A thread adds the groups of walk_row, pairwise within a group; threads
/// are added as block_sum does. All threads must call. Tag as in shared_array.
template <class Tag, class T> __device__ math::LogSumExp<T> block_log_sum_exp(const T* row, int n) {
  PartialLogSumExp<T> part;
  walk_row(
      row, n, true, [&](int k) { part.add(row[k]); }, [&](int k) { part.add(load4(row + k)); });
  const T max = block_max<Tag>(part.max);
  part.raise(max);
  return {max, std::log(block_sum<Tag>(part.sum))};
}

}  // namespace ETHREED_DEVICE_BUILD
}  // namespace ethreed
