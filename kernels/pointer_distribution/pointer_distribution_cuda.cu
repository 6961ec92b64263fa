#include "kernels/common/row_log_sum_exp.h"
#include "kernels/pointer_distribution/pointer_distribution.h"
#include "kernels/pointer_mixture/token_rows.h"

namespace ethreed {

namespace {

constexpr int threads = 512;

/// Adds the copy distribution of a token to its row of `out`, by all threads of the block. A source word that occurs
/// several times belongs to the thread of its first place, which adds its weights from first to last.
template <class T>
__device__ void add_source_words(const std::int32_t* words, const T* weights, int count, T log_share, T* out) {
  for (int j = thread_index(); j < count; j += block_threads()) {
    const std::int32_t word = words[j];
    int first = 0;
    while (words[first] != word) ++first;
    if (first != j) continue;
    T sum = out[word];
    for (int i = j; i < count; ++i)
      if (words[i] == word) sum = math::log_add_exp(sum, log_share + std::log(weights[i]));
    out[word] = sum;
  }
}

/// A block is one target token: the row of logits is reduced, written as log probabilities, and the source words are
/// added.
template <class T> __global__ void pointer_distribution_forward_kernel(PointerDistributionForward<T> args) {
  const int token = block_index();
  const int words = args.vocabulary + args.extra;
  const T* logits = args.logits + std::int64_t{token} * args.vocabulary;
  T* out = args.out + std::int64_t{token} * words;
  const math::LogSumExp<T> lse = block_log_sum_exp<struct PointerDistributionLogits>(logits, args.vocabulary);
  const T gate = args.gate_logit[token];
  const T generate = math::log_sigmoid(gate) - lse.log_sum;
  for (int k = thread_index(); k < words; k += block_threads())
    out[k] = k < args.vocabulary ? (logits[k] - lse.max) + generate : -std::numeric_limits<T>::infinity();
  __syncthreads();
  const TokenPlace at = place_of(args.layout, token);
  add_source_words(args.source_ids + at.source, args.weights + at.weight, at.source_count, math::log_sigmoid(-gate),
                   out);
}

}  // namespace

template <class T>
void pointer_distribution_forward(ThisDevice, Context& context, const PointerDistributionForward<T>& args) {
  const int tokens = args.layout.targets();
  if (tokens == 0) return;
  PointerDistributionForward<T> moved = args;
  moved.layout = on_device(context, args.layout);
  moved.source_ids = indices(context, args.source_ids, args.layout.sources());
  launch<pointer_distribution_forward_kernel<T>>(context, {.grid = static_cast<unsigned>(tokens), .block = threads},
                                                 moved);
}

template void pointer_distribution_forward(ThisDevice, Context&, const PointerDistributionForward<float>&);
template void pointer_distribution_forward(ThisDevice, Context&, const PointerDistributionForward<double>&);

}  // namespace ethreed
