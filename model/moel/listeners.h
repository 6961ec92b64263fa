#pragma once
// The mixture of MoEL's listeners, each a decoder layer of its own. A weight of the gate is exactly 0 for a listener
// that a reply does not have, so that listener computes nothing for it, neither forward nor backward: replies are
// grouped by listener.

#include "model/blocks/context_batch.h"
#include "model/moel/parameters.h"

namespace ethreed {

/// The listeners of some replies, ragged, each reply's in ascending order. Arrays live as long as the step.
struct ListenerChoice {
  Indices offsets;    ///< [replies + 1] where each reply's begin
  Indices listeners;  ///< [entries] 0 … K − 1
  Indices gates;      ///< [entries] the place of each one's logit among those of all, row by row

  int replies() const { return offsets.size() - 1; }
  int entries() const { return listeners.size(); }
};

/// The step's coin: does the gold emotion choose the listener? A function of (seed, step), heads with probability
/// oracle_least + (1 − oracle_least)·e^{−(step − 1)/oracle_decay}, tails in the first step.
bool oracle_step(const MoelConfig& config, std::uint64_t seed, std::int64_t step);

/// The listeners of the largest logits g [replies, K], of equal ones the first. Where `gold` [replies] is given and
/// not −1, the listener of that emotion alone. Waits for the device if it must read g: not where all have a gold
/// emotion, or all listeners.
template <class T>
ListenerChoice choose_listeners(const Context& context, const MoelConfig& config, Variable<T> logits,
                                Indices gold = {});

/// The choice of these replies, repeats allowed.
ListenerChoice chosen_for(const Context& context, const ListenerChoice& choice, Indices replies);

/// x' = Σ_e a_e D_e(x, H) + D_0(x, H) [target rows, d], a = softmax of the chosen listeners' logits.
///   logits   g [·, K] that choice.gates point into
///   x        [target rows, d], of each reply those from target_offsets [replies + 1] on
///   source   H [source rows, d], likewise
template <class T>
Variable<T> hear(Tape<T>& tape, const MoelConfig& config, const MoelParameters<Variable<T>>& p,
                 const ListenerChoice& choice, Variable<T> logits, Indices target_offsets, Variable<T> x,
                 Indices source_offsets, Variable<T> source);

}  // namespace ethreed
