#pragma once
// Section 3: global, party, emotion and content states along the dialogue, equations (1) to (5) and (7).

#include "model/blocks/dialogue_batch.h"
#include "model/ethreed/parameters.h"

namespace ethreed {

/// Multipliers for d(·) of section 3, null without dropout. Shapes follow the rows of the sequence each GRU runs over.
template <class T> struct TrackerMasks {
  const T* global = nullptr;   ///< [2N, D_g] by chain row
  const T* party = nullptr;    ///< [2N, D_p] by chain row
  const T* emotion = nullptr;  ///< [2N, D_e] by pair row (chain row without the two chains)
  const T* content = nullptr;  ///< [N, D_c] by turn row
};

/// The same for situations, [S, ·].
template <class T> struct SituationMasks {
  const T* global = nullptr;
  const T* party = nullptr;
  const T* emotion = nullptr;
};

template <class T> struct TrackedEmotions {
  Variable<T> global_post;       ///< g^P_t [N, D_g]
  Variable<T> party;             ///< p, [2N, D_p] by chain row; unset without GRU_p
  Variable<T> emotion_states;    ///< e^P_t, then e^R_t [2N, D_e]
  Variable<T> emotion_post;      ///< e^P_t [N, D_e], rows of `emotion_states`
  Variable<T> emotion_response;  ///< e^R_t [N, D_e], likewise
  Variable<T> content;           ///< c_t [N, D_c]
};                               // all by turn row but `party`

/// `summary` is u by chain row, [2N, 2D_h].
template <class T>
TrackedEmotions<T> track_emotions(Tape<T>& tape, const EthreedConfig& config,
                                  const TrackerParameters<Variable<T>>& parameters, const DialogueBatch& batch,
                                  Variable<T> summary, const TrackerMasks<T>& masks);

/// e^P_1 of dialogues that begin with these posts, whose u is `summary` [S, 2D_h]: [S, D_e].
template <class T>
Variable<T> track_first_posts(Tape<T>& tape, const EthreedConfig& config,
                              const TrackerParameters<Variable<T>>& parameters, Variable<T> summary,
                              const SituationMasks<T>& masks);

}  // namespace ethreed
