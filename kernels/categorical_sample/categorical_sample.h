#pragma once
// categorical_sample and fill_gumbel: one draw from the distribution of every row, and the noise that makes it, as pure
// functions of a Philox stream. No backward: indices have none, and noise is a constant. softmax((log p + noise) / τ)
// is the draw's differentiable relaxation.

#include "core/host_device.h"
#include "core/philox.h"
#include "kernels/common/dispatch.h"

#include <cmath>
#include <cstdint>

namespace ethreed {

/// Number `index` of the standard Gumbel distribution: −log(−log u), u of 32 bits in (0, 1); from −3.13 to 22.9.
ETHREED_HOST_DEVICE inline double gumbel(const PhiloxStream& random, std::uint64_t index) {
  const PhiloxBlock words = random.block(index / 4);
  // random.word(index), by constant places: a GPU then has the words in registers.
  const std::uint32_t even = index % 4 < 2 ? words[0] : words[2], odd = index % 4 < 2 ? words[1] : words[3];
  const double u = ((index % 2 == 0 ? even : odd) + 0.5) * 0x1p-32;
  return -std::log(-std::log(u));
}

/// index[i] = argmax_k (log_probability[i, k] + g_k), g_k = gumbel(random, i·columns + k): k with probability
/// exp(log_probability[i, k]) / Σ_j exp(log_probability[i, j]), so that logits do as well. −∞ is never drawn, nor is
/// NaN; of equal sums the lowest k is. −1 where a row has nothing that may be drawn.
///
///   log_probability  [rows, columns]  read
///   index            [rows]           written (on a device: in its memory); aliases nothing
///
/// FLOPs: 3·rows·columns (two logarithms and a sum, in double whatever T is; Philox is integer work).
/// Bytes: rows·columns·sizeof(T) + 4·rows. Saved: none. Workspace: none, on a device neither.
/// Order of reduction: there is none, the order of the sums is total; row i depends on (stream, i) alone. Sums are in
/// double, so that every device draws the same index unless two of them are equal but for the last bits of their
/// logarithms. On a device: one launch, a block per row.
/// Source: Gumbel, "Statistical Theory of Extreme Values", 1954; Maddison, Tarlow, Minka, "A* Sampling", NIPS 2014;
/// Salmon et al., SC 2011, for Philox.
template <class T> struct CategoricalSample {
  int rows = 0;
  int columns = 0;
  PhiloxStream random{0, 0};
  const T* log_probability = nullptr;
  std::int32_t* index = nullptr;
};

ETHREED_KERNEL(categorical_sample, CategoricalSample)

/// out_i = gumbel(random, i), rounded to T: the noise that categorical_sample adds.
///
///   out  [count]  written
///
/// FLOPs: 2·count. Bytes: count·sizeof(T). Saved: none. Workspace: none.
/// On a device: one launch; the numbers are the CPU's but for the last bits of the logarithms.
template <class T> struct FillGumbel {
  std::int64_t count = 0;
  PhiloxStream random{0, 0};
  T* out = nullptr;
};

ETHREED_KERNEL(fill_gumbel, FillGumbel)

}  // namespace ethreed
