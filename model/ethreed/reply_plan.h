#pragma once
// A reply whose emotion a person chooses in the place of the policy.

#include "model/ethreed/forward.h"

namespace ethreed {

/// The share of the classifier's belief that a planned class gets at least.
inline constexpr double planned_probability = 0.9;

/// Moves R̂ [N, D_e] of every turn whose dialogue's planned class is given to a vector near it that the classifier (W_e,
/// b of (6)) takes for that class with probability 0.9 or more, where it does not already, and sets the replies' logits
/// anew. The set of such vectors is convex (the log-odds of a class are concave in R̂): each step projects onto the
/// half-space that the log-odds' tangent gives. In double on the host, row by row. Does nothing if no class is given.
/// Throws Error if the model has no policy or no such class, or if no vector was found.
template <class T>
void plan_reply_emotion(Tape<T>& tape, const EthreedConfig& config, const EthreedParameters<Variable<T>>& parameters,
                        const DialogueBatch& batch, const ReplyOptions& options, DialogueState<T>& state);

}  // namespace ethreed
