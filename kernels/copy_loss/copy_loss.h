#pragma once
// copy_loss: cross-entropy of rows of logits that are mixed with a distribution over the words of a source, smoothed
// over the vocabulary: vocabulary_loss for a model that copies. [rows, vocabulary] is in memory once.

#include "kernels/common/dispatch.h"
#include "kernels/common/gradient.h"
#include "kernels/common/math.h"
#include "kernels/common/row_layout.h"
#include "kernels/vocabulary_loss/smoothing.h"

#include <cmath>
#include <cstdint>

namespace ethreed {

/// For target token i of row r, with z = its gate before the σ, π = softmax(logits_i) and, over the source tokens j of
/// row r, c_v = Σ_{j: source_ids[j] = v} w_ij, repeated words included:
///   P_v = σ(z)·π_v + σ(−z)·c_v
///   loss_i = Σ_v p*_v·(log p*_v − log P_v), with p* of vocabulary_loss;  nll_i = −log P_y
/// as the loss without a source, less p*_v·(log P_v − log σ(z)π_v) for every different word v of the source. A token
/// counts nothing (loss = nll = 0) whose target is −1 or the excluded class.
/// Words from V on are those that the vocabulary lacks, numbered by row: they can only be copied, P_v = σ(−z)·c_v. A
/// target among them has p*_y = 1 − ε, and every word of the vocabulary but the excluded one keeps the share of p* that
/// it has as another's neighbour, ε/n: p* then sums to 1 + ε/n. One that is no target has no share.
///
///   logits       [M, V]  read; V = vocabulary, M = layout.targets(); finite where ε > 0, but for that of the excluded
///                        class
///   targets      [M]  on the host, read; −1 to V − 1, or a word from V on of the row's source
///   gate_logit   [M]  read
///   weights      [W]  read; w, ragged [target, source]; not negative
///   source_ids   [S]  on the host, read; 0 or more, or −1 for a source token that no word is: its weight goes nowhere
///   rate         [W]  written, saved: p*_v·σ(−z)/P_v of the word v of each source token, 0 where there is none
///   loss, nll    [M]  written; no gradient goes through nll
///   lse          [M]  written, saved: log Σ_v exp(logits[i, v]), in two parts (0 where the token counts nothing)
///
/// 0 ≤ ε = smoothing < 1; excluded is −1 for none; some class shares ε.
///
/// With L the tokens that count, W' the weights of these whose source token is a word, S' the source tokens of rows
/// that have target tokens:
/// FLOPs: 3·L·V, with ε > 0 5·L·V (an exp counts as one), and a few for each weight. Bytes: (L·V + L + W' + W +
/// 4·M)·sizeof(T) + 4·(S' + M). Saved beyond inputs and outputs: (W + 2·M)·sizeof(T). Workspace: none. Nothing may
/// alias.
/// Order of reduction: along the vocabulary that of vocabulary_loss; over the source tokens from first to last. On a
/// device (one launch, a block per token) lane l of a warp takes source tokens l, l + 32, …, and the lanes are added by
/// warp_sum; c_v from first to last. Every source token is compared with all others of its row.
/// Source: See, Liu, Manning, "Get To The Point", ACL 2017, for the mixture; Szegedy et al., CVPR 2016, for the
/// smoothing.
template <class T> struct CopyLossForward {
  RowLayout layout;
  int vocabulary = 0;
  T smoothing = 0;
  std::int32_t excluded = -1;
  const T* logits = nullptr;
  const std::int32_t* targets = nullptr;
  T* loss = nullptr;
  T* nll = nullptr;
  math::LogSumExp<T>* lse = nullptr;
  const T* gate_logit = nullptr;
  const T* weights = nullptr;
  const std::int32_t* source_ids = nullptr;
  T* rate = nullptr;
};

/// With Q = Σ_j rate_ij w_ij, which is Σ_v p*_v·σ(−z)c_v/P_v over the words of the source, N = Σ_v p*_v (1, or 1 + ε/n)
/// and g the cotangent of loss:
///   dlogits[i, v] = g·(π_v·(N − Q) − p*_v + Σ_{j: source_ids[j] = v} rate_ij w_ij)
///   dgate_logit_i = g·(Q − N·σ(−z)),  dweights_ij = −g·rate_ij
/// all zero for a token that counts nothing.
///
///   forward      as it was called: what it read (targets, weights, source ids) and saved is read
///   dloss        [M]     read, where a token counts
///   dlogits      [M, V]  written or accumulated; may be `logits` itself if it overwrites (each row of logits then is
///                        its gradient)
///   dgate_logit  [M], dweights [W]  written or accumulated; each of the three may be absent
///
/// FLOPs: 4·L·V, and a few for each weight. Bytes: ((M + L)·V + 4·L + M + 2·W' + W)·sizeof(T) + 4·(S' + M). Workspace:
/// none, on a device neither: one launch, a block per token. Sums over source tokens as in the forward; repeated words
/// are added up before they are added to dlogits.
template <class T> struct CopyLossBackward {
  CopyLossForward<T> forward;
  const T* dloss = nullptr;
  GradientSink<T> dlogits;
  GradientSink<T> dgate_logit;
  GradientSink<T> dweights;
};

ETHREED_KERNEL(copy_loss_forward, CopyLossForward)
ETHREED_KERNEL(copy_loss_backward, CopyLossBackward)

namespace smoothed {

/// Is this a word of the vocabulary; one from V on can only be copied.
template <class T> ETHREED_HOST_DEVICE bool is_generated(const CopyLossForward<T>& f, std::int32_t word) {
  return word < f.vocabulary;
}
/// N, the sum of p*.
template <class T> ETHREED_HOST_DEVICE T wanted_of_all(const CopyLossForward<T>& f, std::int32_t target) {
  return is_generated(f, target) ? T{1} : T{1} + share(f);
}

/// The loss and −log P_y that a token would have without a source: of a target from V on what the vocabulary's words
/// have of it. `terms` is the sum of smoothed::term, log_probability log π_y.
template <class T> struct Generated { T loss{}, nll{}; };
template <class T>
ETHREED_HOST_DEVICE Generated<T> generated(const CopyLossForward<T>& f, std::int32_t target, T log_probability,
                                           T log_sum, T terms, T log_gate) {
  if (is_generated(f, target))
    return {smoothed::loss(f, log_probability, log_sum, terms) - log_gate, -(log_gate + log_probability)};
  if (!(f.smoothing > T{0})) return {};
  const T rest = T{1} - f.smoothing, q = share(f), count = static_cast<T>(others(f) + 1);
  return {rest * std::log(rest) + count * q * (std::log(q) + log_sum - log_gate) - q * terms, T{0}};
}

/// What the source word of place j, whose places have `weight` together, changes.
template <class T> struct Copied {
  T rate{};         ///< of this place
  T loss{}, nll{};  ///< what it takes off both
};
/// logits: of the token; log_other: log σ(−z).
template <class T>
ETHREED_HOST_DEVICE Copied<T> copied(const CopyLossForward<T>& f, std::int32_t word, std::int32_t target,
                                     const T* logits, const math::LogSumExp<T>& lse, T log_gate, T log_other,
                                     T weight) {
  if (!is_generated(f, word)) {
    if (word != target) return {};
    const T rest = T{1} - f.smoothing, log_probability = log_other + std::log(weight);
    return {rest / weight, rest * log_probability, log_probability};
  }
  const T p = wanted(f, word, target), alone = log_gate + lse.log_probability(logits[word]);
  const T both = math::log_add_exp(alone, log_other + std::log(weight)), gain = both - alone;
  return {p * std::exp(log_other - both), p * gain, word == target ? gain : T{0}};
}

/// Σ of what(k) over the source tokens k of the row that are the same word as token j, from first to last; the first of
/// them may ask for it alone.
template <class T> struct SameWord {
  T sum;
  bool is_first;
};
template <class T, class What>
ETHREED_HOST_DEVICE SameWord<T> same_word(const std::int32_t* ids, int count, int j, const What& what) {
  SameWord<T> same{T{0}, true};
  for (int k = 0; k < count; ++k) {
    if (ids[k] != ids[j]) continue;
    same.sum += what(k);
    same.is_first = same.is_first && k >= j;
  }
  return same;
}

}  // namespace smoothed
}  // namespace ethreed
