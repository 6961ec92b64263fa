#pragma once
// The first of several candidates for a place, by a total order, so that the result depends on no thread's turn. For
// .cu files.

#include "kernels/common/block.h"

#include <limits>

namespace ethreed {
inline namespace ETHREED_DEVICE_BUILD {

/// A number of a row in the running: how good it is and where it stands. Without initialisers: arrays of it are in
/// shared memory.
template <class T> struct Candidate {
  T value;
  int place;
};

inline constexpr int no_place = std::numeric_limits<int>::max();

/// Comes after everything that is above −∞.
template <class T> __device__ Candidate<T> nobody() { return {-std::numeric_limits<T>::infinity(), no_place}; }

/// The larger value first, of equal ones the lower place. No value may be NaN.
template <class T> __device__ bool before(const Candidate<T>& a, const Candidate<T>& b) {
  return a.value != b.value ? a.value > b.value : a.place < b.place;
}

/// Every lane gets the first of the lanes' candidates. All lanes must call.
template <class T> __device__ Candidate<T> first_of_warp(Candidate<T> mine) {
  for (int distance = warp_size / 2; distance > 0; distance /= 2) {
    const Candidate<T> other{__shfl_xor_sync(all_lanes, mine.value, distance),
                             __shfl_xor_sync(all_lanes, mine.place, distance)};
    if (before(other, mine)) mine = other;
  }
  return mine;
}

}  // namespace ETHREED_DEVICE_BUILD
}  // namespace ethreed
