#pragma once
// Section 5: the pointer decoder, equations (15) to (23), in three pieces that teacher forcing and generation share.

#include "core/indices.h"
#include "kernels/common/packing.h"
#include "kernels/common/row_layout.h"
#include "model/ethreed/parameters.h"

#include <cstdint>

namespace ethreed {

/// What a decoder row knows before its first step.
template <class T> struct DecoderMemory {
  Variable<T> states;        ///< h_j [source tokens, 2D_h]
  Variable<T> keys;          ///< W_con h_j [source tokens, D_s]
  Variable<T> initial;       ///< s_0 = con = tanh(W_1 c + b_1) [rows, D_s]
  Variable<T> emotion;       ///< emo = tanh(W_2 R̂ + b_2) [rows, D_e]
  Variable<T> emotion_keys;  ///< W_emo emo [rows, D_s]
};

/// `content` is c and `reply` is R̂, one row per decoder row; `states` are the post's token states, row after row.
template <class T>
DecoderMemory<T> prepare_decoder(Tape<T>& tape, const DecoderParameters<Variable<T>>& parameters, Variable<T> states,
                                 Variable<T> content, Variable<T> reply);

/// (15) for packed inputs y = E[y_{i−1}] [packed rows, D_w]: s_i by packed row, from `initial` [sequences, D_s]. Where
/// the configuration says so, the cell reads emo and con, too: those of memory_rows [packed rows] of `memory`. With
/// input_rows [packed rows], y are the different words, and those say which of them a row reads.
template <class T>
Variable<T> decoder_states(Tape<T>& tape, const DecoderParameters<Variable<T>>& parameters, Packing packing,
                           Variable<T> y, const DecoderMemory<T>& memory, Indices memory_rows, Variable<T> initial,
                           Indices input_rows = {});

/// What V₁ of (22) reads beside s_i, h*_i and emo with the configuration's deep_output; absent without it.
template <class T> struct DeepOutputInputs {
  Variable<T> word;     ///< E[y_{i−1}] [target tokens, D_w]
  Variable<T> content;  ///< con [target tokens, D_s]
};

template <class T> struct DecoderOutput {
  Variable<T> attention;      ///< γ, ragged [target, source] by row
  Variable<T> coverage_loss;  ///< Σ_j min(cov_ij, γ_ij) [target tokens]
  Variable<T> logits;         ///< of P_vocab [target tokens, V]
  Variable<T> gate_logit;     ///< of p_gen [target tokens, 1]
};

/// (16)–(20), the logits of (22) and of (23), for target tokens laid out row by row with their states s_i and s_{i−1}.
/// `coverage` [source tokens] is what the source has received before the first step, null for nothing; `feature_mask`
/// [target tokens, bottleneck] is dropout of what V' reads, null for none. With deep_output V₁ reads `deep`, too, as
/// the deep output of Pascanu et al. 2014 and HRED's does.
template <class T>
DecoderOutput<T> decode(Tape<T>& tape, const DecoderParameters<Variable<T>>& parameters, RowLayout rows,
                        const DecoderMemory<T>& memory, Variable<T> state, Variable<T> previous_state,
                        const DeepOutputInputs<T>& deep, const T* coverage = nullptr, const T* feature_mask = nullptr);

}  // namespace ethreed
