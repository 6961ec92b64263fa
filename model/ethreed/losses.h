#pragma once
// Equations (6), (12), (24), (25) and their sum (26).

#include "model/blocks/dialogue_batch.h"
#include "model/ethreed/parameters.h"
#include "model/interface/model.h"

namespace ethreed {

/// Places of the terms in StepLosses. Terms that a configuration or a batch does not have are unset: no listener
/// labels, no divergence.
enum EthreedLoss : std::size_t {
  loss_emotion_speaker,   ///< first half of L1
  loss_emotion_listener,  ///< second half of L1
  loss_policy,            ///< L2
  loss_generation,        ///< L3
  loss_coverage,          ///< L4
  loss_copy,              ///< mean −log P of the targets that only the pointer can say, where it has a weight
  loss_situation,         ///< L1 of situations, where it has a weight
};

/// What the losses are made of.
template <class T> struct LossInputs {
  Variable<T> speaker_logits;    ///< W_e e^P + b [N, K]
  Variable<T> listener_logits;   ///< W_e e^R + b [N, K]
  Variable<T> reply_logits;      ///< W_e R̂ + b [N, K]; unset where there is no divergence
  Variable<T> log_probability;   ///< log P(y_i) [target tokens]
  Variable<T> coverage_loss;     ///< [target tokens]
  Variable<T> situation_logits;  ///< W_e e + b after every situation [S, K]; unset where there is none
};

/// How much of its weight L2 has at this update, from 0: see EthreedConfig::policy_anneal_steps.
double policy_share(const EthreedConfig& config, std::int64_t step);

/// `policy_share`: how much of its weight L2 has.
template <class T>
StepLosses<T> sum_losses(Tape<T>& tape, const EthreedConfig& config, const DialogueBatch& batch,
                         const LossInputs<T>& inputs, double policy_share);

}  // namespace ethreed
