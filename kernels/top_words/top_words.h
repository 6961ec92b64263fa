#pragma once
// top_words: the k likeliest allowed words of every row of log-probabilities: what a step of greedy decoding (k = 1),
// beam search and top-k sampling needs of a distribution. No backward.

#include "kernels/common/dispatch.h"

#include <array>
#include <cstdint>

namespace ethreed {

/// A word is allowed if it is not banned and its log-probability is above −∞ (NaN is not). Of each row the k likeliest
/// allowed words, likeliest first, equally likely ones by the lower id; −1 with −∞ after the last one if there are
/// fewer. If none is allowed, the first entry is `fallback` with its log-probability as it stands.
///
///   log_probability      [rows, words]  read
///   top                  [rows, k]      written; word ids (on a device: in its memory)
///   top_log_probability  [rows, k]      written
///
/// 1 ≤ k, which may exceed `words`; 0 ≤ fallback < words. Nothing may alias.
///
/// FLOPs: 2·rows·words (a comparison counts as one; those that order the k chosen ones are not counted).
/// Bytes: rows·words·sizeof(T) + rows·k·(sizeof(T) + 4). Saved: none. Workspace: none, on a device neither.
/// Order of reduction: there is none, the order of words is total. On the CPU one thread per row keeps a heap of k. On
/// a device (one launch) a block is a row; 32 words at a time, each warp selects the best of its share, then one warp
/// merges: the time grows with ⌈k / 32⌉. Source: the definition; by warps: Johnson, Douze, Jégou, "Billion-scale
/// similarity search with GPUs", 2017.
template <class T> struct TopWords {
  int rows = 0;
  int words = 0;
  int k = 1;
  std::array<std::int32_t, 3> banned{-1, -1, -1};  ///< never chosen; −1 bans nothing
  std::int32_t fallback = 0;
  const T* log_probability = nullptr;
  std::int32_t* top = nullptr;
  T* top_log_probability = nullptr;
};

ETHREED_KERNEL(top_words, TopWords)

}  // namespace ethreed
