#pragma once
// Differentiable cross-entropy over a vocabulary, smoothed: autograd over kernels/vocabulary_loss.

#include "autograd/tape.h"
#include "core/indices.h"
#include "kernels/vocabulary_loss/vocabulary_loss.h"

namespace ethreed {

/// What a row has lost, and what its perplexity is made of.
template <class T> struct VocabularyLoss {
  Variable<T> loss;  ///< [N, 1]: Σ_v p*_v·(log p*_v − log P_v); for loss_sum to add up
  Variable<T> nll;   ///< [N, 1]: −log P of the target, not smoothed; a constant, no gradient goes through it
};

/// How the wanted distribution p* is made: 1 − smoothing for the target, nothing for the excluded class (a pad, −1 for
/// none), the rest of it evenly for all others.
struct LabelSmoothing {
  double smoothing = 0;
  int excluded = -1;
};

/// The loss of every row of logits against its target.
///   logits   [N, V], V ≥ 1, such as linear makes them; they may turn into their own gradient, so that [N, V] is in
///            memory once: no other function may need their values in its backward
///   targets  [N]  −1 to V − 1; a row counts nothing whose target is −1 or the excluded class; copied
/// Throws Error on shapes, targets, an excluded class that is not there, a smoothing that is not from 0 to below 1, or
/// one that no class is left to share.
template <class T>
VocabularyLoss<T> vocabulary_loss(Tape<T>& tape, Variable<T> logits, Indices targets, LabelSmoothing how = {});

}  // namespace ethreed
