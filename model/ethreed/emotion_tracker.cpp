#include "model/ethreed/emotion_tracker.h"

#include "autograd/functions/gather_rows_function.h"
#include "autograd/functions/history_attention_function.h"
#include "model/blocks/layers.h"

#include <array>

namespace ethreed {

namespace {

// e^P, then e^R by turn row, from x = p (or g without GRU_p) by chain row: (5) and its two ablations.
template <class T>
Variable<T> emotion_states(Tape<T>& tape, const EthreedConfig& config, const TrackerParameters<Variable<T>>& parameters,
                           const DialogueBatch& batch, Variable<T> x, const T* mask) {
  if (!config.has_emotion_cell()) return gather_rows<T>(tape, {{x, batch.both_chain}});  // e := p
  if (!config.has_two_chains())  // one chain: e^P_t from e^R_{t−1}, e^R_t from e^P_t
    return gather_rows<T>(
        tape, {{gru_layer(tape, parameters.gru_e, batch.chain_packing(), {x}, {}, mask), batch.both_chain}});
  // One cell, two chains: P and R of a dialogue are two sequences of the same ragged batch.
  const Variable<T> e = gru_layer(tape, parameters.gru_e, batch.pair_packing(), {x}, {}, mask, batch.chain_of_pair);
  return gather_rows<T>(tape, {{e, batch.both_pair}});
}

}  // namespace

template <class T>
TrackedEmotions<T> track_emotions(Tape<T>& tape, const EthreedConfig& config,
                                  const TrackerParameters<Variable<T>>& parameters, const DialogueBatch& batch,
                                  Variable<T> summary, const TrackerMasks<T>& masks) {
  const Packing chain = batch.chain_packing();
  TrackedEmotions<T> out;
  // (1): g^P_t follows g^R_{t−1} and g^R_t follows g^P_t, so the two are one GRU over the chain P_1, R_1, P_2, R_2, …
  const Variable<T> g = gru_layer(tape, parameters.gru_g, chain, {summary}, {}, masks.global);
  Variable<T> x = g;
  if (config.has_party()) {
    // (4), (3): the history of an utterance is every global state before it in the chain.
    const Variable<T> keys = linear(tape, {g}, parameters.history_attention, Variable<T>{});
    const Variable<T> a = history_attention(tape, chain, summary, keys, g);
    // (2): the same chain.
    x = gru_layer(tape, parameters.gru_p, chain, {summary, a}, {}, masks.party);
    out.party = x;
  }
  out.emotion_states = emotion_states(tape, config, parameters, batch, x, masks.emotion);
  out.emotion_post = tape.rows(out.emotion_states, 0, batch.turns());
  out.emotion_response = tape.rows(out.emotion_states, batch.turns(), batch.turns());
  out.global_post = gather_rows<T>(tape, {{g, batch.post_chain}});
  // (7)
  out.content = gru_layer(tape, parameters.gru_c, batch.turn_packing(), {out.global_post}, {}, masks.content);
  return out;
}

template <class T>
Variable<T> track_first_posts(Tape<T>& tape, const EthreedConfig& config,
                              const TrackerParameters<Variable<T>>& parameters, Variable<T> summary,
                              const SituationMasks<T>& masks) {
  const std::array<std::int32_t, 2> offsets{0, summary.rows()};
  const Packing first{tape.context().keep(Indices(offsets))};  // sequences of one step from states of zeros
  Variable<T> x = gru_layer(tape, parameters.gru_g, first, {summary}, {}, masks.global);
  if (config.has_party()) {  // (3) has nothing to attend to
    const Variable<T> a = zeros(tape, summary.rows(), config.global_state);
    x = gru_layer(tape, parameters.gru_p, first, {summary, a}, {}, masks.party);
  }
  return config.has_emotion_cell() ? gru_layer(tape, parameters.gru_e, first, {x}, {}, masks.emotion) : x;
}

template Variable<float> track_first_posts(Tape<float>&, const EthreedConfig&,
                                           const TrackerParameters<Variable<float>>&, Variable<float>,
                                           const SituationMasks<float>&);
template Variable<double> track_first_posts(Tape<double>&, const EthreedConfig&,
                                            const TrackerParameters<Variable<double>>&, Variable<double>,
                                            const SituationMasks<double>&);
template TrackedEmotions<float> track_emotions(Tape<float>&, const EthreedConfig&,
                                               const TrackerParameters<Variable<float>>&, const DialogueBatch&,
                                               Variable<float>, const TrackerMasks<float>&);
template TrackedEmotions<double> track_emotions(Tape<double>&, const EthreedConfig&,
                                                const TrackerParameters<Variable<double>>&, const DialogueBatch&,
                                                Variable<double>, const TrackerMasks<double>&);

}  // namespace ethreed
