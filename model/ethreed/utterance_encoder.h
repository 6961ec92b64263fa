#pragma once
// Section 2: a BiGRU over the tokens of every utterance of the batch, posts and responses together.

#include "model/blocks/dialogue_batch.h"
#include "model/ethreed/parameters.h"

namespace ethreed {

template <class T> struct EncodedUtterances {
  Variable<T> summary;        ///< u, [2N + S, 2D_h] by chain row, then of the situations: [→h_len ; ←h_1], or as
                              ///< UtterancePooling says
  Variable<T> source_states;  ///< h_j of every source token, [source tokens, 2D_h], decoder row after decoder row
};

/// Dropout of what was encoded, null for none.
template <class T> struct EncoderMasks {
  const T* summary = nullptr;        ///< [2N + S, 2D_h]
  const T* source_states = nullptr;  ///< [source tokens, 2D_h]
};

/// x: E of batch.word_ids, [different words, D_w]; a word is multiplied by W_ih once, however often it occurs.
template <class T>
EncodedUtterances<T> encode_utterances(Tape<T>& tape, const EncoderParameters<Variable<T>>& parameters,
                                       const DialogueBatch& batch, Variable<T> x, const EncoderMasks<T>& masks = {});

}  // namespace ethreed
