#pragma once
// Equations (6), (12), (24), (25) and their sum (26).

#include "model/ethreed/parameters.h"
#include "model/text/batch.h"

namespace ethreed {

/// Scalars. Terms that a configuration does not have are unset: no listener labels in the batch, no divergence.
/// All are views into `all`: term x stands at all.data()[x.data() − all.data()], so that one copy brings them to the
/// host.
template <class T> struct Losses {
  Variable<T> emotion_speaker;   ///< first half of L1
  Variable<T> emotion_listener;  ///< second half of L1
  Variable<T> policy;            ///< L2
  Variable<T> generation;        ///< L3
  Variable<T> coverage;          ///< L4
  Variable<T> total;             ///< L
  Variable<T> all;               ///< the terms that are there, in this order, and then the total; has no gradient
};

/// What the losses are made of.
template <class T> struct LossInputs {
  Variable<T> speaker_logits;   ///< W_e e^P + b [N, K]
  Variable<T> listener_logits;  ///< W_e e^R + b [N, K]
  Variable<T> reply_logits;     ///< W_e R̂ + b [N, K]; unset where there is no divergence
  Variable<T> log_probability;  ///< log P(y_i) [target tokens]
  Variable<T> coverage_loss;    ///< [target tokens]
};

template <class T>
Losses<T> sum_losses(Tape<T>& tape, const ModelConfig& config, const LossWeights& weights, const Batch& batch,
                     const LossInputs<T>& inputs);

}  // namespace ethreed
