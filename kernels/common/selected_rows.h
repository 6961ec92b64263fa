#pragma once
// Selections of rows and their transpose: the rows of dy that belong to one row of x, found by their index and added
// up. For .cu files.

#include "kernels/common/block.h"
#include "kernels/common/launch.h"

#include <cstdint>
#include <type_traits>

namespace ethreed {
inline namespace ETHREED_DEVICE_BUILD {

inline constexpr int selection_threads = 128;
inline constexpr int selection_tile = 512;  // positions compared between two barriers

// V stands for what a thread reads at once: Vector4<T> where rows are vectors, else T.

template <class V, class T> inline constexpr int elements_of = std::is_same_v<V, T> ? 1 : 4;

template <class V, class T> __device__ V load_as(const T* p) {
  if constexpr (std::is_same_v<V, T>)
    return *p;
  else
    return load4(p);
}
template <class V, class T> __device__ void store_as(T* p, const V& value) {
  if constexpr (std::is_same_v<V, T>)
    *p = value;
  else
    store4(p, value);
}
template <class T> __device__ T plus(T a, T b) { return a + b; }
template <class T> __device__ Vector4<T> plus(const Vector4<T>& a, const Vector4<T>& b) {
  return {a.x + b.x, a.y + b.y, a.z + b.z, a.w + b.w};
}

/// Writes the positions among first … first + selection_tile − 1 (and below count) whose index is `wanted` to shared
/// memory, ascending, and returns how many they are. All threads of a one-dimensional block call it, and come to its
/// first barrier again only when they are done with the list.
__device__ inline int select_positions(const std::int32_t* index, int count, int first, int wanted, const int*& list) {
  constexpr int words = selection_tile / warp_size;
  unsigned* masks = shared_array<unsigned, words, struct SelectionMasks>();
  int* positions = shared_array<int, selection_tile, struct SelectionPositions>();
  const int warp = warp_index(), lane = lane_index();
  const int warps = block_threads() / warp_size;
  for (int word = warp; word < words; word += warps) {
    const int i = first + word * warp_size + lane;
    const unsigned mask = __ballot_sync(all_lanes, i < count && index[i] == wanted);
    if (lane == 0) masks[word] = mask;
  }
  __syncthreads();
  int found = 0;
  for (int word = 0; word < words; ++word) {
    const unsigned mask = masks[word];
    if (word % warps == warp && ((mask >> lane) & 1U) != 0)
      positions[found + __popc(mask & ((1U << lane) - 1))] = first + word * warp_size + lane;
    found += __popc(mask);
  }
  __syncthreads();
  list = positions;
  return found;
}

/// sum += Σ_i term(i) over the positions i < count whose index is `wanted`, ascending. Returns the first of them, or
/// `count` if there are none; if it stands before `leader`, nothing was added. All threads of the block call it with
/// the same arguments but for `term` (of the thread's column), `reads` (has the thread a column at all) and `sum`.
template <class V, class Term>
__device__ int add_selected_terms(const std::int32_t* index, int count, int wanted, int leader, bool reads, V& sum,
                                  Term term) {
  int first = count;
  for (int tile = 0; tile < count; tile += selection_tile) {
    const int* list = nullptr;
    const int found = select_positions(index, count, tile, wanted, list);
    if (found > 0 && first == count) {
      first = list[0];
      if (first < leader) return first;
    }
    if (reads)
      for (int k = 0; k < found; ++k) sum = plus(sum, term(list[k]));
  }
  return first;
}

/// The same for the rows of dy, term(i) = dy[i·stride], dy the thread's first column.
template <class V, class T>
__device__ int add_selected(const std::int32_t* index, int count, int wanted, int leader, const T* dy,
                            std::int64_t stride, bool reads, V& sum) {
  return add_selected_terms(index, count, wanted, leader, reads, sum,
                            [=](int i) { return load_as<V>(dy + i * stride); });
}

/// Writes or adds what add_selected found.
template <class V, class T> __device__ void put_as(T* to, bool accumulate, const V& sum) {
  store_as(to, accumulate ? plus(load_as<V>(to), sum) : sum);
}

}  // namespace ETHREED_DEVICE_BUILD
}  // namespace ethreed
