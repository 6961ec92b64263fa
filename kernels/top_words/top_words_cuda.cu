#include "kernels/common/candidate.h"
#include "kernels/common/launch.h"
#include "kernels/top_words/top_words.h"

#include <limits>

namespace ethreed {

namespace {

constexpr int threads = 512;
constexpr int warps = threads / warp_size;  // at most 32: a warp merges their lists, one a lane
constexpr int at_once = 32;                 // words that all warps select before they are merged
constexpr int list_stride = at_once + 1;    // lanes that read the same place of their lists meet no bank twice

/// Of this thread's words (every blockDim.x-th of the row) the first allowed one after `last`.
template <class T>
__device__ Candidate<T> next_of_thread(const TopWords<T>& args, const T* p, const Candidate<T>& last) {
  Candidate<T> best = nobody<T>();
  for (int w = thread_index(); w < args.words; w += block_threads()) {
    const Candidate<T> here{p[w], w};
    if (!(here.value > -std::numeric_limits<T>::infinity()) || !before(here, best) || !before(last, here)) continue;
    if (w != args.banned[0] && w != args.banned[1] && w != args.banned[2]) best = here;
  }
  return best;
}

/// The first `count` allowed words after `last` among those of this warp's threads, in order. Each lane holds its best;
/// the lane whose word is taken looks for its next one.
template <class T>
__device__ void select_of_warp(const TopWords<T>& args, const T* p, const Candidate<T>& last, int count,
                               Candidate<T>* list) {
  Candidate<T> mine = next_of_thread(args, p, last);
  for (int i = 0; i < count; ++i) {
    const Candidate<T> taken = first_of_warp(mine);
    if (threadIdx.x % warp_size == 0) list[i] = taken;
    if (i + 1 < count && mine.place == taken.place && taken.place != no_place) mine = next_of_thread(args, p, taken);
  }
}

/// Merges the warps' lists of `count` into places first … first + count − 1 of the row's result; every lane gets the
/// last.
template <class T>
__device__ Candidate<T> merge(const TopWords<T>& args, const T* p, const Candidate<T>* lists, int first, int count) {
  const int lane = lane_index();
  const std::int64_t out = std::int64_t{blockIdx.x} * args.k + first;
  Candidate<T> taken = nobody<T>();
  int next = 0;  // of this lane's list; at most i
  for (int i = 0; i < count; ++i) {
    const Candidate<T> head = lane < warps ? lists[lane * list_stride + next] : nobody<T>();
    taken = first_of_warp(head);
    const bool found = taken.place != no_place;
    if (found && head.place == taken.place) ++next;
    if (lane != 0) continue;
    const bool fall_back = !found && first + i == 0;
    args.top[out + i] = found ? taken.place : (fall_back ? args.fallback : -1);
    args.top_log_probability[out + i] = fall_back ? p[args.fallback] : taken.value;
  }
  return taken;
}

/// A block is one row, from which it takes 32 words at a time: each warp lists the best that are left of its share, the
/// first warp merges the lists.
template <class T> __global__ void top_words_kernel(TopWords<T> args) {
  Candidate<T>* lists = shared_array<Candidate<T>, warps * list_stride, struct TopWordsLists>();
  Candidate<T>* merged = shared_array<Candidate<T>, 1, struct TopWordsMerged>();
  const T* p = args.log_probability + std::int64_t{blockIdx.x} * args.words;
  const int warp = warp_index();
  Candidate<T> last{std::numeric_limits<T>::infinity(), -1};  // before every word
  for (int first = 0; first < args.k; first += at_once) {
    const int count = args.k - first < at_once ? args.k - first : at_once;
    select_of_warp(args, p, last, count, lists + warp * list_stride);
    __syncthreads();
    if (warp == 0) {
      last = merge(args, p, lists, first, count);
      if (threadIdx.x == 0) *merged = last;
    }
    __syncthreads();
    last = *merged;
  }
}

}  // namespace

template <class T> void top_words(ThisDevice, Context& context, const TopWords<T>& args) {
  ETHREED_ASSERT(args.k >= 1 && args.fallback >= 0 && args.fallback < args.words);
  if (args.rows > 0)
    launch<top_words_kernel<T>>(context, {.grid = static_cast<unsigned>(args.rows), .block = threads}, args);
}

template void top_words(ThisDevice, Context&, const TopWords<float>&);
template void top_words(ThisDevice, Context&, const TopWords<double>&);

}  // namespace ethreed
