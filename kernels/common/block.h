#pragma once
// What the threads of a block share: memory, sums in a fixed order, rows read four elements at a time.

#include "kernels/common/cuda.h"
#include "kernels/common/gradient.h"

#ifdef __CUDACC__
#include <cooperative_groups.h>
#endif

namespace ethreed {
inline namespace ETHREED_DEVICE_BUILD {

inline constexpr unsigned all_lanes = 0xFFFFFFFFU;

// --- shared memory
// ------------------------------------------------------------------------------------------------------- Shared memory
// is declared through these two functions and not by __shared__, so that the emulation knows where every array begins
// and ends. Tag (any type, declared in place) tells arrays of one kernel apart.

/// A static array of N elements: T* tile = shared_array<T, 256, struct Tile>();
template <class T, int N, class Tag> __device__ T* shared_array() {
#ifdef __CUDACC__
  __shared__ T array[N];
  return array;
#else
  static const char key = 0;  // its address names the array
  return static_cast<T*>(emulation::static_shared(&key, sizeof(T) * N, alignof(T)));
#endif
}

/// The dynamic shared memory of the launch, 16-byte aligned. A kernel takes it once, as one type, and cuts it up
/// itself.
template <class T> __device__ T* dynamic_shared() {
#ifdef __CUDACC__
  extern __shared__ __align__(16) unsigned char ethreed_dynamic_shared[];
  return reinterpret_cast<T*>(ethreed_dynamic_shared);
#else
  static const char type = 0;  // its address names the type: taking the memory as two types is an overlap
  return static_cast<T*>(emulation::dynamic_shared(&type));
#endif
}

/// Waits for every thread of a cooperative launch; what they wrote before is seen after.
#ifdef __CUDACC__
__device__ inline void grid_barrier() { cooperative_groups::this_grid().sync(); }
#else
using emulation::grid_barrier;  // takes the place of its call as a defaulted argument
#endif

// --- sums and maxima in a fixed order
// --------------------------------------------------------------------------------------

/// Every lane of the warp gets the sum over its 32 lanes, added pairwise at distances 16, 8, 4, 2, 1. All lanes must
/// call.
template <class T> __device__ T warp_sum(T value) {
  for (int distance = warp_size / 2; distance > 0; distance /= 2) value += __shfl_xor_sync(all_lanes, value, distance);
  return value;
}
/// The same for the maximum; NaN wins.
template <class T> __device__ T warp_max(T value) {
  for (int distance = warp_size / 2; distance > 0; distance /= 2) {
    const T other = __shfl_xor_sync(all_lanes, value, distance);
    value = other > value || other != other ? other : value;
  }
  return value;
}

/// Every thread of a one-dimensional block gets the sum over all: warps by warp_sum, then the warps' sums likewise. The
/// block has at most 1024 threads, a multiple of 32; all of them must call. Tag as in shared_array.
template <class Tag, class T> __device__ T block_sum(T value) {
  T* parts = shared_array<T, warp_size, Tag>();
  const int warp = warp_index(), lane = lane_index();
  const int warps = block_threads() / warp_size;
  value = warp_sum(value);
  __syncthreads();  // the sums of a call before have been read
  if (lane == 0) parts[warp] = value;
  __syncthreads();
  return warp_sum(lane < warps ? parts[lane] : T{0});
}
/// The same for the maximum, of numbers above −∞ or −∞ itself.
template <class Tag, class T> __device__ T block_max(T value) {
  T* parts = shared_array<T, warp_size, Tag>();
  const int warp = warp_index(), lane = lane_index();
  const int warps = block_threads() / warp_size;
  value = warp_max(value);
  __syncthreads();
  if (lane == 0) parts[warp] = value;
  __syncthreads();
  return warp_max(parts[lane < warps ? lane : 0]);
}

// --- rows, four elements at a time
// -------------------------------------------------------------------------------------------

/// Four elements in one (float) or two (double) 16-byte accesses.
template <class T> struct alignas(16) Vector4 { T x, y, z, w; };

/// May rows of this many elements be read as Vector4: every row then starts on 16 bytes, if the first one does (arrays
/// of the arena do).
constexpr bool rows_are_vectors(std::int64_t columns) { return columns % 4 == 0; }

template <class T> __device__ Vector4<T> load4(const T* p) { return *reinterpret_cast<const Vector4<T>*>(p); }
template <class T> __device__ void store4(T* p, const Vector4<T>& v) { *reinterpret_cast<Vector4<T>*>(p) = v; }

/// Writes or adds one element of a gradient, as the sink says.
template <class T> __device__ void put(const GradientSink<T>& sink, std::int64_t i, T gradient) {
  sink.data[i] = sink.accumulate ? sink.data[i] + gradient : gradient;
}

}  // namespace ETHREED_DEVICE_BUILD
}  // namespace ethreed
